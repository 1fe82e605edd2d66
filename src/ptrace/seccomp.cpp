// SPDX-License-Identifier: MIT
// Calls as filters see them, and what their answers mean.
#include "seccomp.hpp"

#include <bit>
#include <cstddef>

namespace unwait::ptrace::seccomp {

static_assert(std::endian::native == std::endian::little, "the order of the words of an argument");

namespace {

std::int32_t precedence(std::uint32_t returned) noexcept {
    return static_cast<std::int32_t>(returned & SECCOMP_RET_ACTION_FULL);
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

}  // namespace unwait::ptrace::seccomp
