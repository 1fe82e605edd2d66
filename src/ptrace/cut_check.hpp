// SPDX-License-Identifier: MIT
#pragma once

#include <bitset>
#include <cstddef>
#include <span>

#include "file_identity.hpp"
#include "surgeon.hpp"

namespace unwait::ptrace {

/// Whether the number leads to the file that is meant: by kcmp(2) with the reference where there is
/// one and the kernel can, else by the inode of the socket that /proc/TID/fd names. `table` is a
/// thread that uses the fd table. Does not allocate.
[[nodiscard]] sys::Same leads_to_file(pid_t table, const Cut& cut) noexcept;

/// Whether it certainly does not, any more. Does not allocate.
[[nodiscard]] bool leads_elsewhere(pid_t table, const Cut& cut) noexcept;

inline constexpr std::size_t polled_together = 64;

/// Which of so many at most are past no more: the application has connected the very socket anew
/// (connect(2), AF_UNSPEC). By poll(2). Does not allocate.
[[nodiscard]] std::bitset<polled_together> find_renewed(std::span<const Cut> cuts) noexcept;

/// Has the kernel read what it will of these files as they are looked at and closed, so that nobody
/// is held while that comes from memory. Nothing is changed. Does not allocate.
void fetch_files(std::span<const Cut> cuts) noexcept;

}  // namespace unwait::ptrace
