// SPDX-License-Identifier: MIT
#pragma once

#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace victim {

// Which system call libc makes for these functions: newer architectures have only the successors.
#ifdef SYS_poll
#define VICTIM_CALL(old, successor) (old)
#else
#define VICTIM_CALL(old, successor) (successor)
#endif
inline constexpr long call_of_poll = VICTIM_CALL(SYS_poll, SYS_ppoll);
inline constexpr long call_of_select = VICTIM_CALL(SYS_select, SYS_pselect6);
inline constexpr long call_of_epoll_wait = VICTIM_CALL(SYS_epoll_wait, SYS_epoll_pwait);
inline constexpr long call_of_pause = VICTIM_CALL(SYS_pause, SYS_ppoll);
inline constexpr long call_of_vfork = VICTIM_CALL(SYS_vfork, SYS_clone);
#undef VICTIM_CALL

/// The system call itself where there is one: libc makes pselect6 of it everywhere.
inline long call_select(int count, fd_set* exceptional) {
#ifdef SYS_select
    return syscall(SYS_select, count, nullptr, nullptr, exceptional, nullptr);
#else
    return select(count, nullptr, nullptr, exceptional, nullptr);
#endif
}

}  // namespace victim
