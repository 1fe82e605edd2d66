// SPDX-License-Identifier: MIT
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

std::atomic<std::uint64_t> rounds{0};
std::atomic<std::uint64_t> aborted{0};
std::atomic<std::uint64_t> broken{0};

/// How a restartable sequence of some hundred microseconds ended.
struct Ending {
    bool aborted;         ///< where its descriptor says, as it was interrupted
    std::uint64_t armed;  ///< else what struct rseq said at its last instruction: its descriptor
};

#ifdef __x86_64__
char* thread_pointer() {
    char* pointer = nullptr;
    asm("mov %%fs:0, %0" : "=r"(pointer));
    return pointer;
}

Ending run_sequence(void* area) {
    std::uint64_t ended_early = 0;
    std::uint64_t armed = 0;
    asm volatile(
        ".pushsection .data.rel.local, \"aw\"\n"
        ".balign 32\n"
        "1: .long 0, 0\n"
        "   .quad 2f, 4f - 2f, 5f\n"
        ".popsection\n"
        "   lea 1b(%%rip), %%rax\n"
        "   mov $20000, %%ecx\n"
        "   mov %%rax, 8(%[area])\n"
        "2: pause\n"
        "3: dec %%ecx\n"
        "   jnz 3b\n"
        "   mov 8(%[area]), %[armed]\n"
        "4: jmp 6f\n"
        "   .byte 0x0f, 0xb9, 0x3d\n"  // an instruction that nobody executes, around:
        "   .long %c[signature]\n"
        "5: mov $1, %[ended_early]\n"
        "6:\n"
        : [ended_early] "+r"(ended_early), [armed] "+r"(armed)
        : [area] "r"(area), [signature] "i"(RSEQ_SIG)
        : "rax", "rcx", "cc", "memory");
    return {ended_early != 0, armed};
}
#else
char* thread_pointer() {
    char* pointer = nullptr;
    asm("mrs %0, tpidr_el0" : "=r"(pointer));
    return pointer;
}

Ending run_sequence(void* area) {
    std::uint64_t ended_early = 0;
    std::uint64_t armed = 0;
    asm volatile(
        ".pushsection .data.rel.local, \"aw\"\n"
        ".balign 32\n"
        "1: .word 0, 0\n"
        "   .quad 2f, 4f - 2f, 5f\n"
        ".popsection\n"
        "   adrp x9, 1b\n"
        "   add x9, x9, :lo12:1b\n"
        "   mov x10, #20000\n"
        "   str x9, [%[area], #8]\n"
        "2: yield\n"
        "3: subs x10, x10, #1\n"
        "   b.ne 3b\n"
        "   ldr %[armed], [%[area], #8]\n"
        "4: b 6f\n"
        "   .inst 0xd428bc00\n"  // RSEQ_SIG, as an instruction
        "5: mov %[ended_early], #1\n"
        "6:\n"
        : [ended_early] "+r"(ended_early), [armed] "+r"(armed)
        : [area] "r"(area)
        : "x9", "x10", "cc", "memory");
    return {ended_early != 0, armed};
}
#endif

/// A thread that is in a restartable sequence (rseq(2)) nearly all the time. Who interrupts one
/// must end it where it says: the kernel takes it for left otherwise, and will not end it any more
/// when the thread is moved to another processor. `sequences` tells rounds, aborted and broken,
/// those that went on although they were not armed any more. registered=0: there are none here.
void sequences(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    const bool is_registered = __rseq_size > 0;
    stage.tell("registered", is_registered ? 1 : 0);
    stage.answer("sequences", [](const std::string&) {
        return "rounds=" + std::to_string(rounds) + " aborted=" + std::to_string(aborted) +
               " broken=" + std::to_string(broken);
    });
    if (!is_registered) return;
    std::thread([] {
        char* const area = thread_pointer() + __rseq_offset;
        for (;; ++rounds) {
            const Ending ending = run_sequence(area);
            if (ending.aborted) {
                ++aborted;
            } else if (ending.armed == 0) {
                ++broken;
            }
            // Where only who makes calls can make ours: see arch::must_start_at_exit().
            syscall(SYS_getppid);
        }
    }).detach();
    await([] { return rounds > 2; }, "restartable sequences");
}

constexpr std::array table{NamedScenario{"sequences", sequences}};

}  // namespace

std::span<const NamedScenario> sequence_scenarios() { return table; }

}  // namespace victim
