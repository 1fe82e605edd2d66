// SPDX-License-Identifier: MIT
#include "bare_stop.hpp"

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace unwait::bench {
namespace {

/// Whether it was stopped and let go.
bool stop_and_release(pid_t tid) {
    sched_param priority{};
    priority.sched_priority = 1;
    static_cast<void>(sched_setscheduler(0, SCHED_FIFO, &priority));
    if (ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) return false;
    if (ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) != 0) return false;
    int status = 0;
    while (waitpid(tid, &status, WNOHANG | __WALL) == 0) {
    }
    return ptrace(PTRACE_DETACH, tid, nullptr, nullptr) == 0;
}

}  // namespace

void stop_barely(pid_t tid) {
    const pid_t child = fork();
    if (child == -1) throw std::system_error(errno, std::system_category(), "fork");
    if (child == 0) _exit(stop_and_release(tid) ? 0 : 1);
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) throw std::runtime_error("the target could not be stopped by ptrace");
}

}  // namespace unwait::bench
