// SPDX-License-Identifier: MIT
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

unsigned call_number(const std::string& name) {
    if (name == "close") return SYS_close;
    if (name == "dup3") return SYS_dup3;
    if (name == "socket") return SYS_socket;
    if (name == "none") return ~0U;
    errno = EINVAL;
    fail("call=" + name);
}

unsigned verdict_value(const std::string& name) {
    if (name == "log") return SECCOMP_RET_LOG;
    if (name == "errno") return SECCOMP_RET_ERRNO | EPERM;
    if (name == "trap") return SECCOMP_RET_TRAP;
    if (name == "kill") return SECCOMP_RET_KILL_PROCESS;
    errno = EINVAL;
    fail("verdict=" + name);
}

/// A filter on call=close|dup3|socket|none with verdict=log|errno|trap|kill; all else is allowed.
void seccomp(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    const unsigned number = call_number(arguments.text("call", "close"));
    const unsigned verdict = verdict_value(arguments.text("verdict", "kill"));
    std::array filter{
        sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
        sock_filter{BPF_RET | BPF_K, 0, 0, verdict},
        sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program),
         "seccomp");
}

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
    NamedScenario{"seccomp", seccomp},
    NamedScenario{"traced", traced},
};

}  // namespace

std::span<const NamedScenario> guard_scenarios() { return table; }

}  // namespace victim
