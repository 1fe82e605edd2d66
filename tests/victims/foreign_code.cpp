// SPDX-License-Identifier: MIT
#include <asm/ldt.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

// asm/unistd_32.h
constexpr long i386_read = 3;
constexpr long i386_pause = 29;
constexpr long i386_nanosleep = 162;
constexpr long i386_epoll_wait = 256;

/// What 32-bit calls can reach.
struct LowMemory {
    std::array<std::uint8_t, 64> code;
    std::array<char, 64> buffer;
    std::array<std::int32_t, 2> twenty_milliseconds;
};

LowMemory& low_memory() {
    void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (memory == MAP_FAILED) fail("mmap MAP_32BIT");
    return *new (memory) LowMemory{{}, {}, {0, 20'000'000}};
}

long call_by_int_80(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
    long result = number;
    asm volatile("int $0x80"
                 : "+a"(result)
                 : "b"(a), "c"(b), "d"(c), "S"(d)
                 : "memory", "r8", "r9", "r10", "r11");
    return result;
}

long low_address(const void* object) { return reinterpret_cast<long>(object); }

/// Threads of 64-bit code that are blocked in 32-bit calls: a read that never ends, a pause, and
/// sleeps that end again and again; `rounds` tells how often.
void int_80(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    static std::atomic<std::uint64_t> sleeps{0};
    static std::atomic<std::uint64_t> waits{0};
    static LowMemory& low = low_memory();
    static std::array<int, 2> silence{};
    must(pipe(silence.data()), "pipe");
    static const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    std::thread([] {
        call_by_int_80(i386_read, silence[0], low_address(&low.buffer), 1);
        count_error("read by int 0x80");
    }).detach();
    std::thread([] {
        call_by_int_80(i386_pause);
        count_error("pause by int 0x80");
    }).detach();
    std::thread([] {
        for (;; ++sleeps) {
            if (call_by_int_80(i386_nanosleep, low_address(&low.twenty_milliseconds)) != 0) {
                count_error("nanosleep by int 0x80");
            }
        }
    }).detach();
    std::thread([] {
        for (;; ++waits) {
            if (call_by_int_80(i386_epoll_wait, epoll, low_address(&low.buffer), 1, 20) != 0) {
                count_error("epoll_wait by int 0x80");
            }
        }
    }).detach();
    await([] { return sleeps > 0 && waits > 0; }, "32-bit calls");
    stage.answer("rounds", [](const std::string&) {
        return std::to_string(std::min<std::uint64_t>(sleeps, waits));
    });
}

/// A child of 64-bit code that went over to 32-bit code, where it pauses for ever: `child`.
void far_code(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    LowMemory& low = low_memory();
    // again: mov $29, %eax; int $0x80; jmp again
    constexpr std::array<std::uint8_t, 9> pause_for_ever{0xb8, i386_pause, 0,    0,   0,
                                                         0xcd, 0x80,       0xeb, 0xf7};
    std::memcpy(low.code.data(), pause_for_ever.data(), pause_for_ever.size());
    const pid_t child = fork_child();
    if (child == 0) {
        struct [[gnu::packed]] {
            std::uint32_t offset;
            std::uint16_t segment;
        } const target{static_cast<std::uint32_t>(low_address(low.code.data())), 0x23};
        asm volatile("ljmp *%0" : : "m"(target));
    }
    await(
        [child] {
            std::ifstream file("/proc/" + std::to_string(child) + "/syscall");
            int number = -1;
            return file >> number && number == i386_pause;
        },
        "a call of 32-bit code");
    stage.tell("child", child);
}

/// In ring 3, of the local descriptor table, the first entry.
constexpr std::uint64_t own_segment = 7;

void make_own_segment() {
    user_desc data{};
    data.limit = 0xfffff;
    data.limit_in_pages = 1;
    data.seg_32bit = 1;
    must(syscall(SYS_modify_ldt, 1, &data, sizeof data), "modify_ldt");
}

/// Has a stack segment of its own for a while, in its own code; what it is at the end.
std::uint64_t stack_segment_after_a_while() {
    std::uint64_t usual = 0;
    std::uint64_t found = 0;
    std::uint64_t rounds = 1'000'000;
    asm volatile(
        "mov %%ss, %[usual]\n"
        "mov %[own], %%ss\n"
        "1: dec %[rounds]\n"
        "jnz 1b\n"
        "mov %%ss, %[found]\n"
        "mov %[usual], %%ss\n"
        : [usual] "=&r"(usual), [found] "=&r"(found), [rounds] "+&r"(rounds)
        : [own] "r"(own_segment)
        : "cc");
    return found;
}

/// A thread that has a stack segment of its own every now and then, most of the time; `rounds`
/// tells how often, and that another one was there is an error.
void own_stack_segment(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    static std::atomic<std::uint64_t> rounds{0};
    std::thread([] {
        make_own_segment();
        for (;; ++rounds) {
            if (stack_segment_after_a_while() != own_segment) count_error("stack segment");
            for (int i = 0; i < 100; ++i) getppid();
        }
    }).detach();
    await([] { return rounds > 0; }, "a stack segment of its own");
    stage.answer("rounds", [](const std::string&) { return std::to_string(rounds); });
}

std::uint64_t steps = 0;  // of the one thread that makes any

void on_step(int, siginfo_t* info, void*) {
    ++steps;
    if (info->si_code != TRAP_TRACE) count_error("a SIGTRAP that is no step");
}

/// Goes through a piece of its own code instruction by instruction; how many there were.
std::uint64_t steps_through_a_loop() {
    const std::uint64_t before = steps;
    std::uint64_t rounds = 1'000;
    asm volatile(
        "lea -128(%%rsp), %%rsp\n"  // below it is what the compiler may use
        "pushfq\n"
        "orq $0x100, (%%rsp)\n"
        "popfq\n"
        "1: dec %[rounds]\n"
        "jnz 1b\n"
        "pushfq\n"
        "andq $~0x100, (%%rsp)\n"
        "popfq\n"
        "lea 128(%%rsp), %%rsp\n"
        : [rounds] "+&r"(rounds)
        :
        : "cc", "memory");
    return steps - before;
}

/// A thread that single-steps itself most of the time; `rounds` tells how often, and a step that is
/// missing, or one too many, is an error.
void single_step(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    struct sigaction action {};
    action.sa_sigaction = on_step;
    action.sa_flags = SA_SIGINFO;
    must(sigaction(SIGTRAP, &action, nullptr), "sigaction");
    static std::atomic<std::uint64_t> rounds{0};
    std::thread([] {
        // Two for each round of the loop, and three to come to an end.
        for (;; ++rounds) {
            if (steps_through_a_loop() != 2'003) count_error("single-step");
            for (int i = 0; i < 100; ++i) getppid();
        }
    }).detach();
    await([] { return rounds > 0; }, "steps");
    stage.answer("rounds", [](const std::string&) { return std::to_string(rounds); });
}

constexpr std::array table{NamedScenario{"int-80", int_80}, NamedScenario{"far-code", far_code},
                           NamedScenario{"own-stack-segment", own_stack_segment},
                           NamedScenario{"single-step", single_step}};

}  // namespace

std::span<const NamedScenario> foreign_code_scenarios() { return table; }

}  // namespace victim
