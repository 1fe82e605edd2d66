// SPDX-License-Identifier: MIT
#include "seccomp.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

namespace unwait::test {
namespace {

namespace seccomp = ptrace::seccomp;

using Instructions = std::vector<sock_filter>;

constexpr std::uint32_t architecture = 0xc000003e;
constexpr std::uint32_t number = 292;
constexpr std::uint64_t pointer = 0x7fff'1234'5678'9abc;
constexpr auto kill_thread = SECCOMP_RET_KILL_THREAD;
constexpr auto allow = SECCOMP_RET_ALLOW;

// The second argument may be anything.
seccomp::Call sample() {
    return seccomp::make_call(architecture, number, pointer,
                              {0x1111'2222'3333'4444, std::nullopt, 7});
}

bool is_taken(const Instructions& instructions) {
    return seccomp::Program::check(instructions).has_value();
}

std::uint32_t run(const Instructions& instructions) {
    const auto program = seccomp::Program::check(instructions);
    REQUIRE(program);
    seccomp::Evaluator evaluator;
    const auto once = evaluator.run(*program, sample());
    CHECK(evaluator.run(*program, sample()) == once);
    return once;
}

sock_filter op(int code, std::uint32_t k = 0, int jt = 0, int jf = 0) {
    return {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(jt),
            static_cast<std::uint8_t>(jf), k};
}

const sock_filter return_a = op(BPF_RET | BPF_A);
sock_filter load(std::uint32_t offset) { return op(BPF_LD | BPF_W | BPF_ABS, offset); }
sock_filter set_a(std::uint32_t k) { return op(BPF_LD | BPF_IMM, k); }
sock_filter set_x(std::uint32_t k) { return op(BPF_LDX | BPF_IMM, k); }
sock_filter answer(std::uint32_t k) { return op(BPF_RET | BPF_K, k); }

/// An action that says what A is: no more than 16 bits of it fit beside one.
std::uint32_t low_half_of_a(Instructions instructions, bool high_half = false) {
    if (high_half) instructions.push_back(op(BPF_ALU | BPF_RSH | BPF_K, 16));
    instructions.push_back(op(BPF_ALU | BPF_AND | BPF_K, 0xffff));
    instructions.push_back(op(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO));
    instructions.push_back(return_a);
    const auto returned = run(instructions);
    CHECK((returned & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO);
    return returned & SECCOMP_RET_DATA;
}

std::uint32_t value_of_a(const Instructions& instructions) {
    return low_half_of_a(instructions, true) << 16 | low_half_of_a(instructions);
}

constexpr std::uint32_t second_argument = 24;

}  // namespace

TEST_CASE("a filter loads the parts of a call") {
    CHECK(value_of_a({load(0)}) == number);
    CHECK(value_of_a({load(4)}) == architecture);
    CHECK(value_of_a({load(8)}) == 0x5678'9abc);
    CHECK(value_of_a({load(12)}) == 0x7fff'1234);
    CHECK(value_of_a({load(16)}) == 0x3333'4444);
    CHECK(value_of_a({load(20)}) == 0x1111'2222);
    CHECK(value_of_a({load(32)}) == 7);
    CHECK(value_of_a({load(36)}) == 0);
    CHECK(value_of_a({set_a(9), op(BPF_LD | BPF_W | BPF_LEN)}) == 64);
    CHECK(value_of_a({op(BPF_LDX | BPF_W | BPF_LEN), op(BPF_MISC | BPF_TXA)}) == 64);
    CHECK(value_of_a({set_a(0xfedc'ba98)}) == 0xfedc'ba98);
}

TEST_CASE("a filter begins with zeros and moves values") {
    CHECK(value_of_a({set_x(1), op(BPF_MISC | BPF_TAX), op(BPF_MISC | BPF_TXA)}) == 0);
    CHECK(value_of_a({set_a(1), op(BPF_MISC | BPF_TXA)}) == 0);
    CHECK(value_of_a({set_a(5), op(BPF_MISC | BPF_TAX), set_a(1), op(BPF_MISC | BPF_TXA)}) == 5);
    for (std::uint32_t word = 0; word < BPF_MEMWORDS; ++word) {
        CHECK(value_of_a({set_a(8), op(BPF_ST, word), set_a(1), op(BPF_LD | BPF_MEM, word)}) == 8);
        CHECK(value_of_a({set_x(6), op(BPF_STX, word), set_x(1), op(BPF_LDX | BPF_MEM, word),
                          op(BPF_MISC | BPF_TXA)}) == 6);
    }
}

TEST_CASE("arithmetic is of 32 bits without a sign") {
    struct Case {
        int operation;
        std::uint32_t a, operand, result;
    };
    for (const auto& [operation, a, operand, result] : std::vector<Case>{
             {BPF_ADD, 0xffff'ffff, 2, 1},
             {BPF_SUB, 1, 2, 0xffff'ffff},
             {BPF_MUL, 0x8000'0001, 2, 2},
             {BPF_DIV, 0xffff'ffff, 2, 0x7fff'ffff},
             {BPF_AND, 0xff0f, 0x0fff, 0x0f0f},
             {BPF_OR, 0xf0f0'0000, 0x0f, 0xf0f0'000f},
             {BPF_XOR, 0xffff'0000, 0xff00'ff00, 0x00ff'ff00},
             {BPF_LSH, 0x8000'0003, 1, 6},
             {BPF_RSH, 0x8000'0003, 31, 1},
         }) {
        CAPTURE(operation);
        CHECK(value_of_a({set_a(a), op(BPF_ALU | operation | BPF_K, operand)}) == result);
        CHECK(value_of_a({set_a(a), set_x(operand), op(BPF_ALU | operation | BPF_X)}) == result);
    }
    CHECK(value_of_a({set_a(1), op(BPF_ALU | BPF_NEG)}) == 0xffff'ffff);
    // Of a shift by X only five bits count.
    CHECK(value_of_a({set_a(3), set_x(33), op(BPF_ALU | BPF_LSH | BPF_X)}) == 6);
    CHECK(value_of_a({set_a(8), set_x(0xffff'ffe1), op(BPF_ALU | BPF_RSH | BPF_X)}) == 4);
}

TEST_CASE("a division by zero ends the filter and kills the thread") {
    CHECK(run({set_a(1), set_x(0), op(BPF_ALU | BPF_DIV | BPF_X), answer(allow)}) == kill_thread);
}

TEST_CASE("jumps compare without a sign") {
    struct Case {
        int comparison;
        std::uint32_t a, operand;
        bool holds;
    };
    for (const auto& [comparison, a, operand, holds] : std::vector<Case>{
             {BPF_JEQ, 5, 5, true},
             {BPF_JEQ, 5, 6, false},
             {BPF_JGT, 0x8000'0000, 1, true},
             {BPF_JGT, 5, 5, false},
             {BPF_JGE, 5, 5, true},
             {BPF_JGE, 1, 0xffff'ffff, false},
             {BPF_JSET, 6, 4, true},
             {BPF_JSET, 6, 1, false},
             {BPF_JSET, 6, 0, false},
         }) {
        CAPTURE(comparison);
        CAPTURE(a);
        const auto expected = SECCOMP_RET_ERRNO | (holds ? 1U : 2U);
        CHECK(run({set_a(a), op(BPF_JMP | comparison | BPF_K, operand, 0, 1),
                   answer(SECCOMP_RET_ERRNO | 1), answer(SECCOMP_RET_ERRNO | 2)}) == expected);
        CHECK(run({set_a(a), set_x(operand), op(BPF_JMP | comparison | BPF_X, 0, 1, 0),
                   answer(SECCOMP_RET_ERRNO | 2), answer(SECCOMP_RET_ERRNO | 1)}) == expected);
    }
    CHECK(run({op(BPF_JMP | BPF_JA, 1), answer(kill_thread), answer(allow)}) == allow);
}

TEST_CASE("what may be anything takes every way") {
    const auto unknown = load(second_argument);
    const auto is_zero = op(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
    const auto trap = answer(SECCOMP_RET_TRAP);
    const auto log = answer(SECCOMP_RET_LOG);
    CHECK(run({unknown, is_zero, answer(allow), log}) == SECCOMP_RET_LOG);
    CHECK(run({unknown, is_zero, trap, answer(allow)}) == SECCOMP_RET_TRAP);
    CHECK(run({unknown, is_zero, answer(allow), trap}) == SECCOMP_RET_TRAP);
    // Nobody knows what it returns.
    CHECK(run({unknown, return_a}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(run({unknown, op(BPF_MISC | BPF_TAX), op(BPF_MISC | BPF_TXA), return_a}) ==
          SECCOMP_RET_KILL_PROCESS);
    CHECK(run({unknown, op(BPF_ALU | BPF_NEG), return_a}) == SECCOMP_RET_KILL_PROCESS);
    // It may divide by zero.
    CHECK(run({unknown, op(BPF_MISC | BPF_TAX), op(BPF_ALU | BPF_DIV | BPF_X), answer(allow)}) ==
          kill_thread);
    // Ways that meet again agree on what both know, and on nothing else.
    CHECK(run({unknown, is_zero, set_a(allow), set_a(allow), return_a}) == allow);
    CHECK(run({unknown, is_zero, set_a(0), op(BPF_LD | BPF_IMM, allow), return_a}) == allow);
    CHECK(run({set_x(1), unknown, is_zero, set_x(2), op(BPF_MISC | BPF_TXA), return_a}) ==
          SECCOMP_RET_KILL_PROCESS);
    CHECK(run({set_a(1), op(BPF_ST, 3), unknown, is_zero, op(BPF_STX, 3), op(BPF_LD | BPF_MEM, 3),
               return_a}) == SECCOMP_RET_KILL_PROCESS);
    // An unknown action kills, although the kernel would put it behind SECCOMP_RET_LOG.
    CHECK(run({unknown, is_zero, answer(0x7ffe'0000), log}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(run({unknown, is_zero, log, answer(0x7ffe'0000)}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(run({answer(0x7ffe'0000)}) == 0x7ffe'0000);
    // Where it does not matter it is not asked.
    CHECK(run({load(0), op(BPF_JMP | BPF_JEQ | BPF_K, number, 1, 0), return_a, answer(allow)}) ==
          allow);
}

TEST_CASE("the number of ways does not matter") {
    Instructions many;
    while (many.size() + 2 < BPF_MAXINSNS) {
        many.push_back(load(second_argument));
        many.push_back(op(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1));
        many.push_back(op(BPF_ALU | BPF_ADD | BPF_K, 1));
    }
    many.resize(BPF_MAXINSNS - 1, set_a(0));
    many.push_back(answer(allow));
    CHECK(run(many) == allow);
}

TEST_CASE("what the kernel does not take is no filter") {
    CHECK(is_taken({answer(allow)}));
    CHECK_FALSE(is_taken({}));
    CHECK_FALSE(is_taken({set_a(0)}));  // no end
    CHECK(is_taken(Instructions(BPF_MAXINSNS, answer(0))));
    CHECK_FALSE(is_taken(Instructions(BPF_MAXINSNS + 1, answer(0))));
    const auto with = [](const sock_filter& instruction) {
        return is_taken({instruction, answer(allow), answer(allow)});
    };
    CHECK(with(load(60)));
    CHECK_FALSE(with(load(64)));
    CHECK_FALSE(with(load(2)));
    CHECK_FALSE(with(load(0xffff'fffc)));
    CHECK_FALSE(with(op(BPF_LD | BPF_H | BPF_ABS, 0)));
    CHECK_FALSE(with(op(BPF_LD | BPF_B | BPF_ABS, 0)));
    CHECK_FALSE(with(op(BPF_LD | BPF_W | BPF_IND, 0)));
    CHECK_FALSE(with(op(BPF_LDX | BPF_B | BPF_MSH, 0)));
    CHECK_FALSE(with(op(BPF_ALU | BPF_MOD | BPF_K, 1)));
    CHECK_FALSE(with(op(BPF_RET | BPF_X)));
    CHECK_FALSE(with(op(0xffff)));
    CHECK_FALSE(with(op(BPF_ALU | BPF_DIV | BPF_K, 0)));
    CHECK(with(op(BPF_ALU | BPF_LSH | BPF_K, 31)));
    CHECK_FALSE(with(op(BPF_ALU | BPF_LSH | BPF_K, 32)));
    CHECK_FALSE(with(op(BPF_ALU | BPF_RSH | BPF_K, 32)));
    CHECK(with(op(BPF_ST, 15)));
    CHECK_FALSE(with(op(BPF_ST, 16)));
    CHECK_FALSE(with(op(BPF_STX, 16)));
    CHECK(with(op(BPF_JMP | BPF_JA, 1)));
    CHECK_FALSE(with(op(BPF_JMP | BPF_JA, 2)));
    CHECK_FALSE(with(op(BPF_JMP | BPF_JA, 0xffff'ffff)));
    CHECK(with(op(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 1)));
    CHECK_FALSE(with(op(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0)));
    CHECK_FALSE(with(op(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2)));
}

TEST_CASE("memory is stored on every way before it is loaded") {
    const auto fetch = op(BPF_LD | BPF_MEM, 2);
    const auto store = op(BPF_ST, 2);
    CHECK_FALSE(is_taken({fetch, answer(allow)}));
    CHECK_FALSE(is_taken({op(BPF_LDX | BPF_MEM, 2), answer(allow)}));
    CHECK_FALSE(is_taken({op(BPF_ST, 1), fetch, answer(allow)}));
    CHECK(is_taken({store, fetch, answer(allow)}));
    CHECK_FALSE(is_taken({op(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), store, fetch, answer(allow)}));
    CHECK(is_taken({store, op(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), set_a(1), fetch, answer(0)}));
    CHECK_FALSE(is_taken({op(BPF_JMP | BPF_JA, 1), store, fetch, answer(allow)}));
}

TEST_CASE("of several answers the kernel follows the gravest") {
    const std::vector<std::uint32_t> from_grave_to_light = {
        SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
        SECCOMP_RET_USER_NOTIF,   SECCOMP_RET_TRACE,       SECCOMP_RET_LOG,  SECCOMP_RET_ALLOW};
    for (std::size_t i = 0; i < from_grave_to_light.size(); ++i) {
        for (std::size_t j = i; j < from_grave_to_light.size(); ++j) {
            const auto grave = from_grave_to_light[i];
            const auto light = from_grave_to_light[j];
            CHECK(seccomp::graver(grave, light) == grave);
            CHECK(seccomp::graver(light, grave) == grave);
        }
    }
    // Their data do not count.
    CHECK(seccomp::graver(SECCOMP_RET_ERRNO | 5, SECCOMP_RET_ERRNO | 1) == (SECCOMP_RET_ERRNO | 5));
    for (const auto returned : from_grave_to_light) {
        const bool passes = returned == SECCOMP_RET_LOG || returned == SECCOMP_RET_ALLOW;
        CHECK(seccomp::lets_pass(returned) == passes);
        CHECK(seccomp::lets_pass(returned | 0x1234) == passes);
    }
    CHECK_FALSE(seccomp::lets_pass(0x7ffd'0000));  // unknown to the kernel: it kills
    CHECK_FALSE(seccomp::lets_pass(0x1234'0000));
}

}  // namespace unwait::test
