// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

/// The blob for 64-bit code, see arch.hpp.
namespace amd64 {

[[nodiscard]] std::size_t blob_size(Operation operation, std::size_t cuts) noexcept;
[[nodiscard]] std::size_t build_blob(const BlobTask& task, const Registers& registers,
                                     std::byte* into) noexcept;
[[nodiscard]] BlobCalls blob_calls(Operation operation) noexcept;

}  // namespace amd64

/// The same for 32-bit code, which is at home below 4 GiB, and what its call numbers mean.
namespace i386 {

/// Whether the call may end with EINTR after a stop, and whether it always does.
[[nodiscard]] bool may_be_disturbed(long system_call) noexcept;
[[nodiscard]] bool is_always_disturbed(long system_call) noexcept;

[[nodiscard]] std::size_t blob_size(Operation operation, std::size_t cuts) noexcept;
[[nodiscard]] std::size_t build_blob(const BlobTask& task, const Registers& registers,
                                     std::byte* into) noexcept;
[[nodiscard]] BlobCalls blob_calls(Operation operation) noexcept;

}  // namespace i386

}  // namespace unwait::ptrace::arch
