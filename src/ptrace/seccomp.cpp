// SPDX-License-Identifier: MIT
#include "seccomp.hpp"

#include <algorithm>
#include <bit>
#include <functional>

namespace unwait::ptrace::seccomp {

static_assert(std::endian::native == std::endian::little, "the order of the words of an argument");

namespace {

constexpr Word known(std::uint32_t value) { return {value, true}; }

std::int32_t precedence(std::uint32_t returned) noexcept {
    return static_cast<std::int32_t>(returned & SECCOMP_RET_ACTION_FULL);
}

Word join(const Word& one, const Word& other) noexcept { return one == other ? one : Word{}; }

bool reads_operand_k(std::uint16_t code) noexcept { return BPF_SRC(code) == BPF_K; }

/// A value that may be anything may be the gravest.
constexpr std::uint32_t anything = SECCOMP_RET_KILL_PROCESS;

constexpr std::uint32_t shift_mask = 31;

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
            return instruction.k <= shift_mask;
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

Call make_call(std::uint32_t architecture, std::uint32_t number, std::uint64_t instruction_pointer,
               std::initializer_list<std::optional<std::uint64_t>> arguments) {
    constexpr std::size_t architecture_word = offsetof(seccomp_data, arch) / 4;
    constexpr std::size_t pointer_word = offsetof(seccomp_data, instruction_pointer) / 4;
    std::size_t word = offsetof(seccomp_data, args) / 4;
    Call call{};
    call[0] = known(number);
    call[architecture_word] = known(architecture);
    call[pointer_word] = known(static_cast<std::uint32_t>(instruction_pointer));
    call[pointer_word + 1] = known(static_cast<std::uint32_t>(instruction_pointer >> 32));
    for (const auto& argument : arguments) {
        if (argument) {
            call[word] = known(static_cast<std::uint32_t>(*argument));
            call[word + 1] = known(static_cast<std::uint32_t>(*argument >> 32));
        }
        word += 2;
    }
    return call;
}

std::optional<Program> Program::check(std::span<const sock_filter> instructions) noexcept {
    if (instructions.empty() || instructions.size() > BPF_MAXINSNS) return std::nullopt;
    for (std::size_t at = 0; at < instructions.size(); ++at) {
        if (!is_permitted(instructions[at], instructions.size() - at - 1)) return std::nullopt;
    }
    if (BPF_CLASS(instructions.back().code) != BPF_RET) return std::nullopt;
    if (!loads_only_what_is_stored(instructions)) return std::nullopt;
    return Program(instructions);
}

std::uint32_t graver(std::uint32_t first, std::uint32_t second) noexcept {
    return precedence(second) < precedence(first) ? second : first;
}

std::uint32_t as_known(std::uint32_t returned) noexcept {
    switch (returned & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_KILL_THREAD:
        case SECCOMP_RET_TRAP:
        case SECCOMP_RET_ERRNO:
        case SECCOMP_RET_USER_NOTIF:
        case SECCOMP_RET_TRACE:
        case SECCOMP_RET_LOG:
        case SECCOMP_RET_ALLOW:
            return returned;
        default:
            return SECCOMP_RET_KILL_PROCESS;
    }
}

bool lets_pass(std::uint32_t returned) noexcept {
    const std::uint32_t action = returned & SECCOMP_RET_ACTION_FULL;
    return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

Evaluator::Evaluator() : parked_(BPF_MAXINSNS), is_parked_(BPF_MAXINSNS) {}

std::uint32_t Evaluator::run(const Program& program, const Call& call) noexcept {
    now_ = {known(0), known(0), {}};
    at_ = 0;
    done_ = false;
    gravest_.reset();
    while (!done_) {
        const sock_filter& instruction = program.instructions()[at_];
        const std::uint32_t k = instruction.k;
        switch (instruction.code) {
            case BPF_RET | BPF_K:
                answer(known(k));
                continue;
            case BPF_RET | BPF_A:
                answer(now_.a);
                continue;
            case BPF_LD | BPF_W | BPF_ABS:
                now_.a = call[k / 4];
                break;
            case BPF_LD | BPF_W | BPF_LEN:
                now_.a = known(sizeof(seccomp_data));
                break;
            case BPF_LDX | BPF_W | BPF_LEN:
                now_.x = known(sizeof(seccomp_data));
                break;
            case BPF_LD | BPF_IMM:
                now_.a = known(k);
                break;
            case BPF_LDX | BPF_IMM:
                now_.x = known(k);
                break;
            case BPF_LD | BPF_MEM:
                now_.a = now_.memory[k];
                break;
            case BPF_LDX | BPF_MEM:
                now_.x = now_.memory[k];
                break;
            case BPF_ST:
                now_.memory[k] = now_.a;
                break;
            case BPF_STX:
                now_.memory[k] = now_.x;
                break;
            case BPF_MISC | BPF_TAX:
                now_.x = now_.a;
                break;
            case BPF_MISC | BPF_TXA:
                now_.a = now_.x;
                break;
            default:
                if (BPF_CLASS(instruction.code) == BPF_JMP) {
                    branch(instruction);
                } else {
                    compute(instruction);
                }
                continue;
        }
        go_to(at_ + 1);
    }
    return gravest_.value_or(anything);
}

void Evaluator::go_to(std::size_t target) noexcept {
    if (parked_count_ == 0) {
        at_ = target;
        return;
    }
    park(target, now_);
    take_next_parked();
}

void Evaluator::park(std::size_t target, const State& state) noexcept {
    State& there = parked_[target];
    if (is_parked_[target] == 0) {
        is_parked_[target] = 1;
        ++parked_count_;
        there = state;
        return;
    }
    there.a = join(there.a, state.a);
    there.x = join(there.x, state.x);
    for (std::size_t i = 0; i < there.memory.size(); ++i) {
        there.memory[i] = join(there.memory[i], state.memory[i]);
    }
}

void Evaluator::take_next_parked() noexcept {
    if (parked_count_ == 0) {
        done_ = true;
        return;
    }
    while (is_parked_[at_] == 0) ++at_;
    is_parked_[at_] = 0;
    --parked_count_;
    now_ = parked_[at_];
}

void Evaluator::answer(Word value) noexcept {
    add_answer(value.known ? value.value : anything);
    take_next_parked();
}

void Evaluator::add_answer(std::uint32_t value) noexcept {
    // An unknown action may seem lighter than a known one, and yet kill when it is the only one.
    gravest_ = gravest_ ? graver(as_known(*gravest_), as_known(value)) : value;
}

void Evaluator::branch(const sock_filter& instruction) noexcept {
    const std::size_t next = at_ + 1;
    if (BPF_OP(instruction.code) == BPF_JA) return go_to(next + instruction.k);
    const Word operand = reads_operand_k(instruction.code) ? known(instruction.k) : now_.x;
    if (!now_.a.known || !operand.known) {
        park(next + instruction.jt, now_);
        park(next + instruction.jf, now_);
        return take_next_parked();
    }
    bool holds = false;
    switch (BPF_OP(instruction.code)) {
        case BPF_JEQ:
            holds = now_.a.value == operand.value;
            break;
        case BPF_JGT:
            holds = now_.a.value > operand.value;
            break;
        case BPF_JGE:
            holds = now_.a.value >= operand.value;
            break;
        default:  // BPF_JSET
            holds = (now_.a.value & operand.value) != 0;
            break;
    }
    go_to(next + (holds ? instruction.jt : instruction.jf));
}

void Evaluator::compute(const sock_filter& instruction) noexcept {
    const Word operand = reads_operand_k(instruction.code) ? known(instruction.k) : now_.x;
    const auto apply = [&](auto&& operation) {
        now_.a =
            now_.a.known && operand.known ? known(operation(now_.a.value, operand.value)) : Word{};
        go_to(at_ + 1);
    };
    switch (BPF_OP(instruction.code)) {
        case BPF_ADD:
            return apply(std::plus<>());
        case BPF_SUB:
            return apply(std::minus<>());
        case BPF_MUL:
            return apply(std::multiplies<>());
        case BPF_DIV:
            return divide(operand);
        case BPF_AND:
            return apply(std::bit_and<>());
        case BPF_OR:
            return apply(std::bit_or<>());
        case BPF_XOR:
            return apply(std::bit_xor<>());
        case BPF_LSH:
            return apply([](auto a, auto by) { return a << (by & shift_mask); });
        case BPF_RSH:
            return apply([](auto a, auto by) { return a >> (by & shift_mask); });
        default:  // BPF_NEG
            now_.a.value = 0U - now_.a.value;
            if (!now_.a.known) now_.a = {};
            return go_to(at_ + 1);
    }
}

void Evaluator::divide(Word by) noexcept {
    // The kernel ends a filter that divides by zero, with 0: SECCOMP_RET_KILL_THREAD.
    if (by == known(0)) return answer(known(0));
    if (!by.known) add_answer(SECCOMP_RET_KILL_THREAD);
    now_.a = now_.a.known && by.known ? known(now_.a.value / by.value) : Word{};
    go_to(at_ + 1);
}

}  // namespace unwait::ptrace::seccomp
