// SPDX-License-Identifier: MIT
#include "dead_man.hpp"

#include <unistd.h>

#include <csignal>
#include <ctime>

namespace unwait::ptrace {

namespace {

timer_t create_timer() noexcept {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGKILL;
    timer_t timer{};
    // Without a timer nothing may be stopped.
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) _exit(1);
    return timer;
}

/// Timers are not inherited by fork(2): each process that is armed makes its own.
timer_t own_timer() noexcept {
    static timer_t timer{};
    static pid_t owner = 0;
    if (owner != getpid()) {
        timer = create_timer();
        owner = getpid();
    }
    return timer;
}

}  // namespace

void arm_dead_man(std::uint64_t nanoseconds) noexcept {
    const itimerspec when{{0, 0},
                          {static_cast<time_t>(nanoseconds / 1'000'000'000),
                           static_cast<long>(nanoseconds % 1'000'000'000)}};
    if (timer_settime(own_timer(), 0, &when, nullptr) != 0) _exit(1);
}

}  // namespace unwait::ptrace
