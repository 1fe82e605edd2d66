// SPDX-License-Identifier: MIT
#pragma once

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

/// Has the kernel read what it will of these files as they are looked at and closed, so that nobody
/// is held while that comes from memory. Nothing is changed. Does not allocate.
void fetch_files(std::span<const Cut> cuts) noexcept;

}  // namespace unwait::ptrace
