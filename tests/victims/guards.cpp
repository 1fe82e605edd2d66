// SPDX-License-Identifier: MIT
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <span>
#include <string>
#include <thread>

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

/// Its calls from anywhere but the program and its libraries go to a handler of its own (syscall
/// user dispatch), which counts them as errors; idler=1: but for those of a second thread.
/// supported=0: not on this kernel.
void dispatches(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    struct sigaction action {};
    action.sa_handler = [](int) { count_error("a call of somebody else"); };
    must(sigaction(SIGSYS, &action, nullptr), "sigaction");
    if (arguments.number("idler", 0) != 0) {
        std::thread([] {
            for (;;) pause();
        }).detach();
    }
    // linux/prctl.h: PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON,
    // SYSCALL_DISPATCH_FILTER_BLOCK.
    constexpr int set_dispatch = 59;
    constexpr unsigned long on = 1;
    static const char block = 1;
    const unsigned long end = getauxval(AT_SYSINFO_EHDR);  // libraries are below the [vdso]
    stage.tell("supported", prctl(set_dispatch, on, 0UL, end, &block) == 0 ? 1 : 0);
}

/// The bytes of the [vdso], which must not be used any more once it is gone: not even the clock.
std::span<const char> own_vdso() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (!line.ends_with("[vdso]")) continue;
        const std::size_t end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
        const auto begin = getauxval(AT_SYSINFO_EHDR);
        return {reinterpret_cast<const char*>(begin), end - begin};
    }
    fail("the [vdso]");
}

/// vdso=none: it has none any more. vdso=seeming: a file with such a name, and such bytes, comes
/// before it.
void odd_vdso(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    const auto vdso = own_vdso();
    if (arguments.text("vdso", "none") == "none") {
        must(munmap(const_cast<char*>(vdso.data()), vdso.size()), "munmap of the [vdso]");
        return;
    }
    std::string name = "/tmp/victim-XXXXXX [vdso]";
    const int file = must(mkstemps(name.data(), 7), "mkstemps");
    must(unlink(name.c_str()), "unlink");
    must(write(file, vdso.data(), vdso.size()), "write of a [vdso]");
    void* memory = mmap(nullptr, vdso.size(), PROT_READ, MAP_PRIVATE, file, 0);
    if (memory == MAP_FAILED) fail("mmap of a [vdso]");
    if (memory > static_cast<const void*>(vdso.data())) fail("a file below the [vdso]");
    must(close(file), "close");
}

constexpr std::array table{
    NamedScenario{"traced", traced},
    NamedScenario{"odd-vdso", odd_vdso},
    NamedScenario{"dispatches", dispatches},
};

}  // namespace

std::span<const NamedScenario> guard_scenarios() { return table; }

}  // namespace victim
