// SPDX-License-Identifier: MIT
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include "blocking_calls.hpp"

namespace victim {
namespace {

/// The size the kernel expects of a signal set.
constexpr std::size_t signal_set_size = 8;

struct WaitElement {  // struct futex_waitv, absent from this distribution's headers
    std::uint64_t value;
    std::uint64_t address;
    std::uint32_t flags;
    std::uint32_t reserved;
};
constexpr long futex_waitv_number = 449;
constexpr std::uint32_t futex_32 = 2;

int quiet_file() { return must(eventfd(0, EFD_CLOEXEC), "eventfd"); }

int quiet_epoll() {
    const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    epoll_event event{};
    event.events = EPOLLIN;
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, quiet_file(), &event), "epoll_ctl");
    return epoll;
}

fd_set* set_of(BlockingCalls& calls, int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return calls.keep(set);
}

void add_futexes(BlockingCalls& calls) {
    const auto zero = [&calls] { return calls.keep<std::uint32_t>(0); };
    calls.add("futex_wait", SYS_futex, zero(), FUTEX_WAIT, 0, nullptr);
    calls.add("futex_wait_timeout", SYS_futex, zero(), FUTEX_WAIT, 0, calls.timeout());
    calls.add("futex_wait_bitset_deadline", SYS_futex, zero(), FUTEX_WAIT_BITSET, 0,
              calls.deadline(CLOCK_MONOTONIC), nullptr, FUTEX_BITSET_MATCH_ANY);
    const auto element = [&] {
        return calls.keep(WaitElement{0, reinterpret_cast<std::uint64_t>(zero()), futex_32, 0});
    };
    calls.add("futex_waitv", futex_waitv_number, element(), 1, 0, nullptr, CLOCK_MONOTONIC);
    calls.add("futex_waitv_deadline", futex_waitv_number, element(), 1, 0,
              calls.deadline(CLOCK_MONOTONIC), CLOCK_MONOTONIC);
    // Held by the thread that sets this up, for ever.
    const auto held = [&calls] { return calls.keep(static_cast<std::uint32_t>(gettid())); };
    calls.add("futex_lock_pi", SYS_futex, held(), FUTEX_LOCK_PI, 0, nullptr);
    calls.add("futex_lock_pi_deadline", SYS_futex, held(), FUTEX_LOCK_PI, 0,
              calls.deadline(CLOCK_REALTIME));
}

void add_signals(BlockingCalls& calls) {
#ifdef SYS_pause
    calls.add("pause", SYS_pause);
#endif
    calls.add("rt_sigsuspend", SYS_rt_sigsuspend, calls.keep<std::uint64_t>(0), signal_set_size);
    const auto* wanted = calls.keep<std::uint64_t>(1ULL << (SIGUSR2 - 1));
    calls.add("rt_sigtimedwait", SYS_rt_sigtimedwait, wanted, nullptr, nullptr, signal_set_size);
    calls.add("rt_sigtimedwait_timeout", SYS_rt_sigtimedwait, wanted, nullptr, calls.timeout(),
              signal_set_size);
}

void add_children(BlockingCalls& calls) {
    const pid_t child = fork_idler();
    calls.add("wait4", SYS_wait4, child, calls.buffer(), 0, nullptr);
    calls.add("waitid", SYS_waitid, P_PID, child, calls.buffer(), WEXITED | WNOWAIT, nullptr);
    const auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    calls.add("waitid_pidfd", SYS_waitid, P_PIDFD, must(pidfd, "pidfd_open"), calls.buffer(),
              WEXITED | WNOWAIT, nullptr);
}

void add_time(BlockingCalls& calls) {
    calls.add("nanosleep", SYS_nanosleep, calls.timeout(), calls.buffer());
    calls.add("clock_nanosleep", SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, calls.timeout(),
              calls.buffer());
    calls.add("clock_nanosleep_deadline", SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME,
              calls.deadline(CLOCK_MONOTONIC), nullptr);
}

}  // namespace

void add_ready_calls(BlockingCalls& calls) {
    const auto quiet = [&calls] { return calls.keep(pollfd{quiet_file(), POLLIN, 0}); };
    calls.add("ppoll", SYS_ppoll, quiet(), 1, nullptr, nullptr, signal_set_size);
    calls.add("ppoll_timeout", SYS_ppoll, quiet(), 1, calls.timeout(), nullptr, signal_set_size);
    const int fd = quiet_file();
    calls.add("pselect6", SYS_pselect6, fd + 1, set_of(calls, fd), nullptr, nullptr, nullptr,
              nullptr);
    calls.add("pselect6_timeout", SYS_pselect6, fd + 1, set_of(calls, fd), nullptr, nullptr,
              calls.timeout(), nullptr);
    calls.add("epoll_pwait", SYS_epoll_pwait, quiet_epoll(), calls.buffer(), 1, -1, nullptr,
              signal_set_size);
    calls.add("epoll_pwait2", SYS_epoll_pwait2, quiet_epoll(), calls.buffer(), 1, nullptr, nullptr,
              signal_set_size);
    calls.add("epoll_pwait2_timeout", SYS_epoll_pwait2, quiet_epoll(), calls.buffer(), 1,
              calls.timeout(), nullptr, signal_set_size);
#ifdef SYS_poll  // newer architectures have only those above
    calls.add("poll", SYS_poll, quiet(), 1, -1);
    calls.add("poll_timeout", SYS_poll, quiet(), 1, calls.timeout_ms());
    calls.add("select", SYS_select, fd + 1, set_of(calls, fd), nullptr, nullptr, nullptr);
    calls.add("select_timeout", SYS_select, fd + 1, set_of(calls, fd), nullptr, nullptr,
              calls.timeout_us());
    calls.add("epoll_wait", SYS_epoll_wait, quiet_epoll(), calls.buffer(), 1, -1);
    calls.add("epoll_wait_timeout", SYS_epoll_wait, quiet_epoll(), calls.buffer(), 1,
              calls.timeout_ms());
#endif
}

void add_wait_calls(BlockingCalls& calls) {
    add_time(calls);
    add_signals(calls);
    add_futexes(calls);
    add_children(calls);
}

}  // namespace victim
