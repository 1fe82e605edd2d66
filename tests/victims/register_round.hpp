// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace victim {

/// What a round loads into the registers, and what it finds there in the end. The assembly knows
/// these offsets.
struct alignas(64) RegisterFrame {
    /// rax rbx rcx rdx rsi rdi rbp r8 … r15, then the flags.
    std::array<std::uint64_t, 16> general_in{};
    std::array<std::uint64_t, 16> general_out{};
    std::array<std::array<std::uint64_t, 8>, 32> vector_in{};
    std::array<std::array<std::uint64_t, 8>, 32> vector_out{};
    std::array<std::uint64_t, 8> mask_in{};
    std::array<std::uint64_t, 8> mask_out{};
    /// The 128 bytes below the stack pointer, which belong to the function that runs.
    std::array<std::uint64_t, 16> red_zone_in{};
    std::array<std::uint64_t, 16> red_zone_out{};
    double x87_in = 0;
    double x87_out = 0;
    std::uint64_t mxcsr_in = 0;
    std::uint64_t mxcsr_out = 0;
};
static_assert(offsetof(RegisterFrame, general_out) == 128);
static_assert(offsetof(RegisterFrame, vector_in) == 256);
static_assert(offsetof(RegisterFrame, vector_out) == 2304);
static_assert(offsetof(RegisterFrame, mask_in) == 4352);
static_assert(offsetof(RegisterFrame, red_zone_in) == 4480);
static_assert(offsetof(RegisterFrame, x87_in) == 4736);
static_assert(offsetof(RegisterFrame, mxcsr_in) == 4752);

/// The widest vector registers of this CPU, in 64-bit words, and how many there are.
struct VectorUnit {
    std::size_t words;
    std::size_t count;
};
[[nodiscard]] VectorUnit vector_unit();

/// Loads everything, stays in user mode for some microseconds, stores everything.
void round_in_user_mode(RegisterFrame& frame);
/// The same with one system call in between, whose number and arguments are in general_in.
void round_with_system_call(RegisterFrame& frame);

/// Fills in what a round loads: never twice the same.
void load_known_values(RegisterFrame& frame);

/// The first register that is not as it was loaded; empty when all are. With `system_call` rax is
/// left to the caller, and rcx and r11 must be what the SYSCALL instruction made of them.
[[nodiscard]] std::string first_difference(const RegisterFrame& frame, bool system_call);

}  // namespace victim
