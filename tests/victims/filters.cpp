// SPDX-License-Identifier: MIT
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

std::uint32_t call_number(const std::string& name) {
    if (name == "close") return SYS_close;
    if (name == "dup3") return SYS_dup3;
    if (name == "socket") return SYS_socket;
    if (name == "shutdown") return SYS_shutdown;
    if (name == "restart") return SYS_restart_syscall;
    if (name == "none") return ~0U;
    errno = EINVAL;
    fail("call=" + name);
}

std::uint32_t verdict_value(const std::string& name) {
    if (name == "log") return SECCOMP_RET_LOG;
    if (name == "errno") return SECCOMP_RET_ERRNO | EPERM;
    if (name == "trap") return SECCOMP_RET_TRAP;
    if (name == "trace") return SECCOMP_RET_TRACE;
    if (name == "notify") return SECCOMP_RET_USER_NOTIF;
    if (name == "kill-thread") return SECCOMP_RET_KILL_THREAD;
    if (name == "kill") return SECCOMP_RET_KILL_PROCESS;
    errno = EINVAL;
    fail("verdict=" + name);
}

/// What the filter answers with `verdict`; everything else is allowed.
std::vector<sock_filter> program_for(const Arguments& arguments) {
    const std::uint32_t verdict = verdict_value(arguments.text("verdict", "kill"));
    std::uint32_t word = offsetof(seccomp_data, nr);
    std::uint32_t value = call_number(arguments.text("call", "close"));
    std::uint32_t size = 1;
    std::vector<sock_filter> program;
    const auto unless_there_allow = [&] {
        program.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, word});
        program.push_back({BPF_ALU | BPF_SUB | BPF_K, 0, 0, value});
        program.push_back({BPF_JMP | BPF_JGE | BPF_K, 0, 1, size});
        program.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
    };
    unless_there_allow();
    if (const long first = arguments.number("first", -1); first >= 0) {
        word = offsetof(seccomp_data, args);
        value = static_cast<std::uint32_t>(first);
        unless_there_allow();
    }
    if (arguments.text("from", "anywhere") == "vdso") {
        word = offsetof(seccomp_data, instruction_pointer);
        value = static_cast<std::uint32_t>(getauxval(AT_SYSINFO_EHDR));
        size = 0x4000;
        unless_there_allow();
    }
    program.push_back({BPF_RET | BPF_K, 0, 0, verdict});
    return program;
}

void install(std::vector<sock_filter> instructions, unsigned flags) {
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
    const sock_fprog program{static_cast<unsigned short>(instructions.size()), instructions.data()};
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program), "seccomp");
}

/// Answers `slept` with how many milliseconds a sleep of MS took in the end, 0 until then.
void begin_sleeper(Stage& stage, int milliseconds) {
    static std::atomic<long> slept{0};
    static std::atomic<pid_t> tid{0};
    std::thread([milliseconds] {
        tid = gettid();
        const auto begin = std::chrono::steady_clock::now();
        const timespec time{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
        if (nanosleep(&time, nullptr) != 0) count_error("nanosleep");
        slept = std::chrono::duration_cast<std::chrono::milliseconds>(
                    std::chrono::steady_clock::now() - begin)
                    .count();
    }).detach();
    await([] { return tid != 0; }, "the sleeper");
    stage.tell("sleeper", static_cast<int>(tid));
    stage.answer("slept", [](const std::string&) { return std::to_string(slept); });
}

/// A thread that does nothing, and has no filter that the others get later.
void begin_idler() {
    static std::array<int, 2> never{};
    must(pipe(never.data()), "pipe");
    static std::atomic<bool> begun{false};
    std::thread([] {
        begun = true;
        char byte = 0;
        if (read(never[0], &byte, 1) != -1) count_error("read");
    }).detach();
    await([] { return begun.load(); }, "the idler");
}

/// A filter on call=close|dup3|socket|shutdown|restart|none with
/// verdict=log|errno|trap|trace|notify|kill-thread|kill, if narrowed only with this first=ARGUMENT
/// and only from=vdso; filters=N in all, of which the others allow everything. Threads: idler=1 has
/// it too unless scope=main; sleep=MS begins a sleeper.
void seccomp(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    if (arguments.number("idler", 0) != 0) begin_idler();
    if (const long time = arguments.number("sleep", 0); time > 0) {
        begin_sleeper(stage, static_cast<int>(time));
    }
    const unsigned flags = arguments.text("scope", "all") == "main" ? 0 : SECCOMP_FILTER_FLAG_TSYNC;
    install(program_for(arguments), flags);
    for (long i = 1; i < arguments.number("filters", 1); ++i) {
        install({{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}, flags);
    }
}

/// Strict mode in the main thread, which then can only read and write; idler=1 begins another
/// thread before.
void strict(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    if (arguments.number("idler", 0) != 0) begin_idler();
    mallopt(M_TOP_PAD, 1 << 20);
    std::free(std::malloc(1 << 16));
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), "SECCOMP_MODE_STRICT");
}

constexpr std::array table{
    NamedScenario{"seccomp", seccomp},
    NamedScenario{"seccomp-strict", strict},
};

}  // namespace

std::span<const NamedScenario> filter_scenarios() { return table; }

void allow_everything() { install({{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}, 0); }

}  // namespace victim
