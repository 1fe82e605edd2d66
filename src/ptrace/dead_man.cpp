// SPDX-License-Identifier: MIT
#include "dead_man.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <string>

#include "unwait/error.hpp"

namespace unwait::ptrace {

namespace {

/// Of the signals that wait for processes of this user, which each timer counts among.
void permit_more_signals() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_SIGPENDING, &limit) != 0) return;
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    const rlimit most{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_SIGPENDING, &all) != 0) ::setrlimit(RLIMIT_SIGPENDING, &most);
}

timer_t create_timer() {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGKILL;
    timer_t timer{};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) return timer;
    if (errno == EAGAIN) permit_more_signals();
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) return timer;
    const bool at_limit = errno == EAGAIN;
    throw Error(errno, std::string("timer_create, without which nobody is stopped") +
                           (at_limit ? " (as many signals wait for processes of this user as "
                                       "RLIMIT_SIGPENDING permits: raise it, prlimit --sigpending, "
                                       "or --actions shutdown)"
                                     : ""));
}

/// Timers are not inherited by fork(2): each process that is armed makes its own.
timer_t own_timer() {
    static timer_t timer{};
    static pid_t owner = 0;
    if (owner != getpid()) {
        timer = create_timer();
        owner = getpid();
    }
    return timer;
}

}  // namespace

void arm_dead_man(std::uint64_t nanoseconds) {
    const itimerspec when{{0, 0},
                          {static_cast<time_t>(nanoseconds / 1'000'000'000),
                           static_cast<long>(nanoseconds % 1'000'000'000)}};
    if (timer_settime(own_timer(), 0, &when, nullptr) != 0) _exit(1);
}

}  // namespace unwait::ptrace
