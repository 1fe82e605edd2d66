// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "arch.hpp"

namespace unwait::ptrace::arch {

/// An entry of a blob's table: a number, and behind it the flags of dup3() in a replacing blob.
[[nodiscard]] constexpr std::size_t table_entry_size(Operation operation) noexcept {
    return operation == Operation::close ? sizeof(std::uint32_t) : 2 * sizeof(std::uint32_t);
}

/// Writes the entry of a cut whose number stands there as `number`; returns where the next begins.
[[nodiscard]] inline std::byte* write_table_entry(Operation operation, const Cut& cut,
                                                  std::uint32_t number, std::byte* into) noexcept {
    const std::array<std::uint32_t, 2> entry{
        number, cut.close_on_exec ? std::uint32_t{O_CLOEXEC} : std::uint32_t{0}};
    std::memcpy(into, entry.data(), table_entry_size(operation));
    return into + table_entry_size(operation);
}

/// An entry where consecutive numbers are closed together.
struct Range {
    std::uint32_t first;
    std::uint32_t last;
};

/// Writes an entry for each.
inline void write_ranges(std::span<const Cut* const> cuts, std::byte* into) noexcept {
    while (!cuts.empty()) {
        const std::size_t size = size_of_range(cuts);
        const Range range{static_cast<std::uint32_t>(cuts.front()->fd),
                          static_cast<std::uint32_t>(cuts[size - 1]->fd)};
        std::memcpy(into, &range, sizeof range);
        into += sizeof range;
        cuts = cuts.subspan(size);
    }
}

}  // namespace unwait::ptrace::arch
