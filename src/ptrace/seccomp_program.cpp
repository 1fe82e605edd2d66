// SPDX-License-Identifier: MIT
// Which filters the kernel would take.
#include <array>

#include "seccomp.hpp"

namespace unwait::ptrace::seccomp {

namespace {

constexpr std::uint32_t word_bits = 32;

bool is_jump_inside(const sock_filter& instruction, std::size_t left) noexcept {
    if (BPF_OP(instruction.code) == BPF_JA) return instruction.k < left;
    return instruction.jt < left && instruction.jf < left;
}

/// Alone; `left` instructions follow it.
bool is_permitted(const sock_filter& instruction, std::size_t left) noexcept {
    switch (instruction.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            return instruction.k < sizeof(seccomp_data) && instruction.k % 4 == 0;
        case BPF_LD | BPF_W | BPF_LEN:
        case BPF_LDX | BPF_W | BPF_LEN:
        case BPF_LD | BPF_IMM:
        case BPF_LDX | BPF_IMM:
        case BPF_MISC | BPF_TAX:
        case BPF_MISC | BPF_TXA:
        case BPF_RET | BPF_K:
        case BPF_RET | BPF_A:
        case BPF_ALU | BPF_ADD | BPF_K:
        case BPF_ALU | BPF_ADD | BPF_X:
        case BPF_ALU | BPF_SUB | BPF_K:
        case BPF_ALU | BPF_SUB | BPF_X:
        case BPF_ALU | BPF_MUL | BPF_K:
        case BPF_ALU | BPF_MUL | BPF_X:
        case BPF_ALU | BPF_DIV | BPF_X:
        case BPF_ALU | BPF_AND | BPF_K:
        case BPF_ALU | BPF_AND | BPF_X:
        case BPF_ALU | BPF_OR | BPF_K:
        case BPF_ALU | BPF_OR | BPF_X:
        case BPF_ALU | BPF_XOR | BPF_K:
        case BPF_ALU | BPF_XOR | BPF_X:
        case BPF_ALU | BPF_LSH | BPF_X:
        case BPF_ALU | BPF_RSH | BPF_X:
        case BPF_ALU | BPF_NEG:
            return true;
        case BPF_ALU | BPF_DIV | BPF_K:
            return instruction.k != 0;
        case BPF_ALU | BPF_LSH | BPF_K:
        case BPF_ALU | BPF_RSH | BPF_K:
            return instruction.k < word_bits;
        case BPF_LD | BPF_MEM:
        case BPF_LDX | BPF_MEM:
        case BPF_ST:
        case BPF_STX:
            return instruction.k < BPF_MEMWORDS;
        case BPF_JMP | BPF_JA:
        case BPF_JMP | BPF_JEQ | BPF_K:
        case BPF_JMP | BPF_JEQ | BPF_X:
        case BPF_JMP | BPF_JGE | BPF_K:
        case BPF_JMP | BPF_JGE | BPF_X:
        case BPF_JMP | BPF_JGT | BPF_K:
        case BPF_JMP | BPF_JGT | BPF_X:
        case BPF_JMP | BPF_JSET | BPF_K:
        case BPF_JMP | BPF_JSET | BPF_X:
            return is_jump_inside(instruction, left);
        default:
            return false;
    }
}

/// Whether no memory word is loaded that some path has not stored before.
bool loads_only_what_is_stored(std::span<const sock_filter> instructions) noexcept {
    constexpr std::uint16_t all = 0xffff;
    std::array<std::uint16_t, BPF_MAXINSNS> stored_before;
    stored_before.fill(all);
    std::uint16_t stored = 0;
    for (std::size_t at = 0; at < instructions.size(); ++at) {
        const auto& instruction = instructions[at];
        stored &= stored_before[at];
        const auto join_at = [&](std::size_t offset) { stored_before[at + 1 + offset] &= stored; };
        switch (BPF_CLASS(instruction.code)) {
            case BPF_ST:
            case BPF_STX:
                stored = static_cast<std::uint16_t>(stored | 1U << instruction.k);
                break;
            case BPF_LD:
            case BPF_LDX:
                if (BPF_MODE(instruction.code) != BPF_MEM) break;
                if ((stored >> instruction.k & 1U) == 0) return false;
                break;
            case BPF_JMP:
                if (BPF_OP(instruction.code) == BPF_JA) {
                    join_at(instruction.k);
                } else {
                    join_at(instruction.jt);
                    join_at(instruction.jf);
                }
                stored = all;
                break;
            default:
                break;
        }
    }
    return true;
}

}  // namespace

std::optional<Program> Program::check(std::span<const sock_filter> instructions) noexcept {
    if (instructions.empty() || instructions.size() > BPF_MAXINSNS) return std::nullopt;
    for (std::size_t at = 0; at < instructions.size(); ++at) {
        if (!is_permitted(instructions[at], instructions.size() - at - 1)) return std::nullopt;
    }
    if (BPF_CLASS(instructions.back().code) != BPF_RET) return std::nullopt;
    if (!loads_only_what_is_stored(instructions)) return std::nullopt;
    return Program(instructions);
}

}  // namespace unwait::ptrace::seccomp
