// SPDX-License-Identifier: MIT
#pragma once

#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace victim {

// Which system call libc makes for these functions: newer architectures have only the successors.
#ifdef SYS_poll
inline constexpr long call_of_poll = SYS_poll;
inline constexpr long call_of_select = SYS_select;
inline constexpr long call_of_epoll_wait = SYS_epoll_wait;
inline constexpr long call_of_pause = SYS_pause;
inline constexpr long call_of_vfork = SYS_vfork;
#else
inline constexpr long call_of_poll = SYS_ppoll;
inline constexpr long call_of_select = SYS_pselect6;
inline constexpr long call_of_epoll_wait = SYS_epoll_pwait;
inline constexpr long call_of_pause = SYS_ppoll;
inline constexpr long call_of_vfork = SYS_clone;
#endif

/// The system call itself where there is one: libc makes pselect6 of it everywhere.
inline long call_select(int count, fd_set* exceptional) {
#ifdef SYS_select
    return syscall(SYS_select, count, nullptr, nullptr, exceptional, nullptr);
#else
    return select(count, nullptr, nullptr, exceptional, nullptr);
#endif
}

}  // namespace victim
