// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "traced_thread.hpp"

namespace unwait::ptrace {

/// Addresses from `begin` up to, but not including, `end`.
struct AddressRange {
    std::uintptr_t begin;
    std::uintptr_t end;

    [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
        return address >= begin && address < end;
    }
};

/// Whether a held thread is in the range, or may come back to it: a signal handler that interrupted
/// it there has the address on its stack. Everything from the stack pointer on is looked at, 256
/// KiB at most, and any word that could be such an address counts as one. Does not allocate.
[[nodiscard]] bool may_return_to(const TracedThread& thread, const AddressRange& range) noexcept;

}  // namespace unwait::ptrace
