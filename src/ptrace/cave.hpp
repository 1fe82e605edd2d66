// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "fd.hpp"
#include "residue.hpp"

namespace unwait::ptrace {

/// Room for a blob in another process: the unused tail of its [vdso] pages, which every process has
/// for itself as soon as it is written to, which is executable, and in which nothing else ever
/// runs.
///
/// The tail holds a row of slots, each behind a header that says how long it is. A slot whose
/// surgeon was killed stays as it is, because a thread may still need it; the next one goes behind
/// it.
class Cave {
public:
    struct Header {
        std::uint64_t magic;
        std::uint64_t size;  ///< of the slot with this header, a multiple of 16
    };

    /// `memory` is /proc/PID/mem, open for reading and writing, `tid` any live thread of the
    /// process. Absent when there is no vdso or it has no end that can be told. Throws Error.
    [[nodiscard]] static std::optional<Cave> find(pid_t tid, const sys::Fd& memory);

    [[nodiscard]] const AddressRange& range() const noexcept { return range_; }

    /// Whether the [vdso], and so the program, is of 32-bit code.
    [[nodiscard]] bool is_32_bit() const noexcept { return is_32_bit_; }

    /// Where the next slot begins, and how much room is there, header included (0: none).
    struct Room {
        std::uintptr_t address = 0;
        std::size_t size = 0;
    };
    [[nodiscard]] Room room(const sys::Fd& memory) const;

private:
    Cave(const AddressRange& range, bool is_32_bit) noexcept
        : range_(range), is_32_bit_(is_32_bit) {}
    AddressRange range_;
    bool is_32_bit_;
};

inline constexpr std::uint64_t cave_magic = 0x3174696177'6e7530;  // "0unwait1", little-endian

}  // namespace unwait::ptrace
