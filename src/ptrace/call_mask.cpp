// SPDX-License-Identifier: MIT
#include "call_mask.hpp"

#include <linux/io_uring.h>

#include <algorithm>
#include <optional>

#include "memory.hpp"

namespace unwait::ptrace {

namespace {

std::optional<std::uint64_t> read_pointer(pid_t tid, std::uint64_t address,
                                          std::size_t size) noexcept {
    if (size == sizeof(std::uint32_t)) return sys::read_object<std::uint32_t>(tid, address);
    return sys::read_object<std::uint64_t>(tid, address);
}

}  // namespace

bool keeps_off(pid_t tid, const StoppedCall& call, std::span<const MaskedCall> masked,
               int signal) noexcept {
    const auto found = std::ranges::find(masked, call.number, &MaskedCall::number);
    if (found == masked.end()) return false;
    const bool is_indirect =
        found->is_indirect ||
        (call.number == SYS_io_uring_enter && (call.arguments[3] & IORING_ENTER_EXT_ARG) != 0);
    std::uint64_t at = call.arguments.at(found->argument);
    if (is_indirect) at = read_pointer(tid, at, call.pointer_size).value_or(0);
    if (at == 0) return false;
    const auto mask = sys::read_object<std::uint64_t>(tid, at);
    return mask && (*mask >> (signal - 1) & 1) != 0;
}

}  // namespace unwait::ptrace
