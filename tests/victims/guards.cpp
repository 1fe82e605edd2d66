// SPDX-License-Identifier: MIT
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

/// A child of its own traces it.
void traced(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    std::array<int, 2> ready{};
    must(pipe(ready.data()), "pipe");
    const pid_t victim = getpid();
    const pid_t tracer = fork_child();
    if (tracer == 0) {
        must(ptrace(PTRACE_SEIZE, victim, nullptr, nullptr), "PTRACE_SEIZE");
        must(write(ready[1], "x", 1), "write");
        for (;;) {
            int status = 0;
            if (waitpid(victim, &status, __WALL) == -1) _exit(0);
            if (WIFSTOPPED(status)) {
                ptrace(PTRACE_CONT, victim, nullptr, status >> 16 == 0 ? WSTOPSIG(status) : 0);
            }
        }
    }
    char byte = 0;
    if (read(ready[0], &byte, 1) != 1) fail("the tracer");
    shut(ready[0]);
    shut(ready[1]);
    stage.tell("tracer", static_cast<int>(tracer));
}

constexpr std::array table{
    NamedScenario{"traced", traced},
};

}  // namespace

std::span<const NamedScenario> guard_scenarios() { return table; }

}  // namespace victim
