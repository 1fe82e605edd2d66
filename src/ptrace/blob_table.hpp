// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
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

/// Where a blob goes through its table, as offsets from its begin.
struct TableWalk {
    std::uintptr_t begin;    ///< from here on a register points at the entry whose turn it is
    std::uintptr_t made;     ///< behind the system call for it
    std::uintptr_t next;     ///< the register goes on to the next
    std::uintptr_t leaving;  ///< from here on the register is the thread's again
    std::uintptr_t table;
};

/// See cuts_made(): for a thread that is so far behind the blob's begin.
[[nodiscard]] inline std::optional<std::size_t> cuts_made(const BlobTask& task,
                                                          const TableWalk& walk, std::uintptr_t at,
                                                          std::uintptr_t pointer) noexcept {
    if (at < walk.begin) return 0;
    if (at >= walk.leaving) return std::nullopt;
    const std::size_t size = task.by_ranges ? sizeof(Range) : table_entry_size(task.operation);
    const bool is_made = at >= walk.made && at <= walk.next;
    const std::size_t entries = (pointer - (task.address + walk.table)) / size + (is_made ? 1 : 0);
    if (!task.by_ranges) return entries;
    std::size_t cuts = 0;
    for (std::size_t i = 0; i < entries; ++i) cuts += size_of_range(task.cuts.subspan(cuts));
    return cuts;
}

}  // namespace unwait::ptrace::arch
