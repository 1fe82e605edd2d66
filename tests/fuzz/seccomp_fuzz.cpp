// SPDX-License-Identifier: MIT
// Filters of other processes: whatever the bytes are, a program that passes the check ends, and
// what is known of a call can only narrow the answer.
#include <linux/audit.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "seccomp.hpp"

namespace {

using namespace unwait::ptrace;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

// A number that the bytes choose, then a program.
struct Input {
    std::uint64_t argument = 0;
    std::vector<sock_filter> program;
};

Input read_input(const std::uint8_t* data, std::size_t size) {
    Input input;
    if (size < sizeof input.argument) return input;
    std::memcpy(&input.argument, data, sizeof input.argument);
    data += sizeof input.argument;
    size -= sizeof input.argument;
    input.program.resize(size / sizeof(sock_filter));
    if (!input.program.empty()) {
        std::memcpy(input.program.data(), data, input.program.size() * sizeof(sock_filter));
    }
    return input;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = read_input(data, size);
    const auto program = seccomp::Program::check(input.program);
    if (!program) return 0;
    static seccomp::Evaluator evaluator;
    const auto call_with = [&](std::optional<std::uint64_t> first) {
        return seccomp::make_call(AUDIT_ARCH_X86_64, 3, 0x7fff'0000'1234, {first, 2, 3, 4, 5, 6});
    };
    const auto of_all = evaluator.run(*program, call_with(std::nullopt));
    const auto of_one = evaluator.run(*program, call_with(input.argument));
    const auto gravest = seccomp::as_known(of_all);
    require(seccomp::graver(gravest, seccomp::as_known(of_one)) == gravest);
    require(!seccomp::lets_pass(of_all) || seccomp::lets_pass(of_one));
    require(evaluator.run(*program, call_with(std::nullopt)) == of_all);
    return 0;
}
