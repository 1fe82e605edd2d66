// SPDX-License-Identifier: MIT
#include "call_mask.hpp"

#include <linux/io_uring.h>
#include <sys/uio.h>

#include <algorithm>
#include <optional>

namespace unwait::ptrace {

namespace {

std::optional<std::uint64_t> read_number(pid_t tid, std::uint64_t address,
                                         std::size_t size) noexcept {
    std::uint64_t number = 0;
    iovec here{&number, size};
    iovec there{reinterpret_cast<void*>(address), size};
    if (::process_vm_readv(tid, &here, 1, &there, 1, 0) != static_cast<ssize_t>(size)) return {};
    return number;
}

}  // namespace

bool keeps_off(pid_t tid, const StoppedCall& call, std::span<const MaskedCall> masked,
               int signal) noexcept {
    const auto found = std::ranges::find(masked, call.number, &MaskedCall::number);
    if (found == masked.end()) return false;
    const bool is_indirect =
        found->is_indirect ||
        (call.number == SYS_io_uring_enter && (call.arguments[3] & IORING_ENTER_EXT_ARG) != 0);
    std::optional<std::uint64_t> at = call.arguments.at(found->argument);
    if (is_indirect) at = read_number(tid, *at, call.pointer_size);
    if (!at || *at == 0) return false;
    const auto mask = read_number(tid, *at, sizeof(std::uint64_t));
    return mask && (*mask >> (signal - 1) & 1) != 0;
}

}  // namespace unwait::ptrace
