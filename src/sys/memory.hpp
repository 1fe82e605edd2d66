// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace unwait::sys {

/// Copies another process's memory (process_vm_readv(2), Linux 3.2) up to the first page that
/// cannot be read, and tells how many bytes that were: 0 where the address leads nowhere. Absent,
/// with errno, when the process is gone or may not be read (ESRCH, EPERM, ENOSYS). Does not
/// allocate.
[[nodiscard]] std::optional<std::size_t> read_memory(pid_t tid, std::uintptr_t address,
                                                     std::span<std::byte> into) noexcept;

/// The object at that address; absent when not all of it can be read.
template <typename Object>
[[nodiscard]] std::optional<Object> read_object(pid_t tid, std::uintptr_t address) noexcept {
    Object object{};
    const auto size = read_memory(tid, address, std::as_writable_bytes(std::span(&object, 1)));
    return size == sizeof object ? std::optional(object) : std::nullopt;
}

}  // namespace unwait::sys
