// SPDX-License-Identifier: MIT
// What a filter does with a call.
#include <functional>

#include "seccomp.hpp"

namespace unwait::ptrace::seccomp {

namespace {

/// A value that may be anything may be the gravest.
constexpr std::uint32_t anything = SECCOMP_RET_KILL_PROCESS;

constexpr std::uint32_t shift_mask = 31;

Word join(const Word& one, const Word& other) noexcept { return one == other ? one : Word{}; }

bool reads_operand_k(std::uint16_t code) noexcept { return BPF_SRC(code) == BPF_K; }

}  // namespace

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
