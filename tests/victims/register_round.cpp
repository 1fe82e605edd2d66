// SPDX-License-Identifier: MIT
#include "register_round.hpp"

#include <random>

// One round as four functions: {user mode, system call} × {SSE, AVX, AVX-512} registers. While the
// body runs no register holds anything but a known value; only the words at and above the stack
// pointer (the frame's address, a scratch word, the caller's mxcsr) are ours.
asm(R"(
.macro victim_round name, width, body
    .globl \name
    .hidden \name
    .type \name, @function
\name:
    endbr64
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    sub $24, %rsp
    stmxcsr 16(%rsp)
    mov %rdi, (%rsp)
    mov %rdi, %rax
  .if \width == 512
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    vmovdqu64 256+64*\n(%rax), %zmm\n
    .endr
    .irp n,0,1,2,3,4,5,6,7
    kmovq 4352+8*\n(%rax), %k\n
    .endr
  .elseif \width == 256
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    vmovdqu 256+64*\n(%rax), %ymm\n
    .endr
  .else
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movdqu 256+64*\n(%rax), %xmm\n
    .endr
  .endif
    fldl 4736(%rax)
    ldmxcsr 4752(%rax)
    pushq 120(%rax)
    popfq
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    mov 4480+8*\n(%rax), %rcx
    mov %rcx, -8-8*\n(%rsp)
    .endr
    mov 8(%rax), %rbx
    mov 16(%rax), %rcx
    mov 24(%rax), %rdx
    mov 32(%rax), %rsi
    mov 40(%rax), %rdi
    mov 48(%rax), %rbp
    mov 56(%rax), %r8
    mov 64(%rax), %r9
    mov 72(%rax), %r10
    mov 80(%rax), %r11
    mov 88(%rax), %r12
    mov 96(%rax), %r13
    mov 104(%rax), %r14
    mov 112(%rax), %r15
    mov 0(%rax), %rax
  .ifc \body,call
    syscall
    .globl \name\()_after
    .hidden \name\()_after
\name\()_after:
  .else
    .rept 128
    pause
    .endr
  .endif
    mov %rax, 8(%rsp)
    mov (%rsp), %rax
    mov %rbx, 136(%rax)
    mov %rcx, 144(%rax)
    mov %rdx, 152(%rax)
    mov %rsi, 160(%rax)
    mov %rdi, 168(%rax)
    mov %rbp, 176(%rax)
    mov %r8, 184(%rax)
    mov %r9, 192(%rax)
    mov %r10, 200(%rax)
    mov %r11, 208(%rax)
    mov %r12, 216(%rax)
    mov %r13, 224(%rax)
    mov %r14, 232(%rax)
    mov %r15, 240(%rax)
    mov 8(%rsp), %rcx
    mov %rcx, 128(%rax)
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    mov -8-8*\n(%rsp), %rcx
    mov %rcx, 4608+8*\n(%rax)
    .endr
    pushfq
    popq 248(%rax)
    cld
  .if \width == 512
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    vmovdqu64 %zmm\n, 2304+64*\n(%rax)
    .endr
    .irp n,0,1,2,3,4,5,6,7
    kmovq %k\n, 4416+8*\n(%rax)
    .endr
    vzeroupper
  .elseif \width == 256
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    vmovdqu %ymm\n, 2304+64*\n(%rax)
    .endr
    vzeroupper
  .else
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movdqu %xmm\n, 2304+64*\n(%rax)
    .endr
  .endif
    fstpl 4744(%rax)
    stmxcsr 4760(%rax)
    ldmxcsr 16(%rsp)
    add $24, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .size \name, . - \name
.endm

.text
victim_round victim_user_128, 128, pause
victim_round victim_user_256, 256, pause
victim_round victim_user_512, 512, pause
victim_round victim_call_128, 128, call
victim_round victim_call_256, 256, call
victim_round victim_call_512, 512, call
)");

extern "C" {
void victim_user_128(victim::RegisterFrame*);
void victim_user_256(victim::RegisterFrame*);
void victim_user_512(victim::RegisterFrame*);
void victim_call_128(victim::RegisterFrame*);
void victim_call_256(victim::RegisterFrame*);
void victim_call_512(victim::RegisterFrame*);
extern const char victim_call_128_after;
extern const char victim_call_256_after;
extern const char victim_call_512_after;
}

namespace victim {
namespace {

constexpr std::array names{"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                           "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "flags"};
constexpr std::size_t rax = 0;
constexpr std::size_t rcx = 2;
constexpr std::size_t r11 = 10;
constexpr std::size_t flags = 15;

/// CF PF AF ZF SF DF OF: what a program may set, and TF, which it never sets here.
constexpr std::uint64_t settable_flags = 0xCD5;
constexpr std::uint64_t compared_flags = settable_flags | 0x100;

std::uint64_t after_system_call() {
    switch (vector_unit().words) {
        case 8:
            return reinterpret_cast<std::uint64_t>(&victim_call_512_after);
        case 4:
            return reinterpret_cast<std::uint64_t>(&victim_call_256_after);
        default:
            return reinterpret_cast<std::uint64_t>(&victim_call_128_after);
    }
}

bool general_agrees(const RegisterFrame& frame, std::size_t i, bool system_call) {
    const std::uint64_t in = frame.general_in[i];
    const std::uint64_t out = frame.general_out[i];
    if (i == flags) return (out & compared_flags) == in;
    if (!system_call) return out == in;
    if (i == rcx) return out == after_system_call();
    if (i == r11) return (out & compared_flags) == frame.general_in[flags];
    return i == rax || out == in;
}

}  // namespace

VectorUnit vector_unit() {
    if (__builtin_cpu_supports("avx512bw") != 0) return {8, 32};
    if (__builtin_cpu_supports("avx2") != 0) return {4, 16};
    return {2, 16};
}

void round_in_user_mode(RegisterFrame& frame) {
    switch (vector_unit().words) {
        case 8:
            return victim_user_512(&frame);
        case 4:
            return victim_user_256(&frame);
        default:
            return victim_user_128(&frame);
    }
}

void round_with_system_call(RegisterFrame& frame) {
    switch (vector_unit().words) {
        case 8:
            return victim_call_512(&frame);
        case 4:
            return victim_call_256(&frame);
        default:
            return victim_call_128(&frame);
    }
}

void load_known_values(RegisterFrame& frame) {
    static thread_local std::mt19937_64 random{std::random_device{}()};
    for (auto& value : frame.general_in) value = random();
    frame.general_in[flags] &= settable_flags;
    for (auto& vector : frame.vector_in) {
        for (auto& word : vector) word = random();
    }
    for (auto& mask : frame.mask_in) mask = random();
    for (auto& word : frame.red_zone_in) word = random();
    frame.x87_in = static_cast<double>(random());
    // Any rounding mode, all exceptions masked.
    frame.mxcsr_in = 0x1F80 | (random() & 0x6000);
    frame.mxcsr_out = 0;
}

std::string first_difference(const RegisterFrame& frame, bool system_call) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!general_agrees(frame, i, system_call)) return names[i];
    }
    const VectorUnit unit = vector_unit();
    for (std::size_t i = 0; i < unit.count; ++i) {
        for (std::size_t word = 0; word < unit.words; ++word) {
            if (frame.vector_in[i][word] != frame.vector_out[i][word]) {
                return "vector" + std::to_string(i);
            }
        }
    }
    if (unit.words == 8 && frame.mask_in != frame.mask_out) return "mask";
    if (frame.red_zone_in != frame.red_zone_out) return "red-zone";
    if (frame.x87_in != frame.x87_out) return "st0";
    if ((frame.mxcsr_in & 0xFFFF) != (frame.mxcsr_out & 0xFFFF)) return "mxcsr";
    return {};
}

}  // namespace victim
