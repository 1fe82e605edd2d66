// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "residue.hpp"

namespace unwait::ptrace {

/// The table by which calls out of a mapped object are found, where it stands in memory
/// (.eh_frame_hdr): the [vdso] is no file that could be read instead.
struct UnwindTable {
    AddressRange code;
    std::uintptr_t header = 0;   ///< what the table counts from
    std::uintptr_t entries = 0;  ///< pairs of 32-bit offsets, sorted
    std::uint32_t count = 0;
};

/// Of the object that is mapped there as a whole; absent when it has none of the usual form.
[[nodiscard]] std::optional<UnwindTable> find_unwind_table(pid_t pid, const AddressRange& object);

}  // namespace unwait::ptrace
