// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "arch.hpp"
#include "blob_table.hpp"
#include "call_mask.hpp"

namespace unwait::ptrace::arch {

/// The blob for 64-bit code, see arch.hpp.
namespace amd64 {

[[nodiscard]] std::size_t blob_size(Operation operation, std::size_t cuts) noexcept;
[[nodiscard]] std::size_t ranges_in(std::size_t size) noexcept;
[[nodiscard]] std::size_t build_blob(const BlobTask& task, const Registers& registers,
                                     std::byte* into) noexcept;
[[nodiscard]] BlobCalls blob_calls(Operation operation) noexcept;
[[nodiscard]] std::optional<std::size_t> cuts_made(const BlobTask& task,
                                                   const Registers& now) noexcept;

}  // namespace amd64

/// The same for 32-bit code, which is at home below 4 GiB, and what its call numbers mean.
namespace i386 {

inline constexpr long call_ioctl = 54;
inline constexpr long call_fallocate = 324;
/// As those of call_mask.hpp.
inline constexpr std::array masked_calls = std::to_array<MaskedCall>({
    {179, 0, false},  // rt_sigsuspend
    {308, 5, true},   // pselect6
    {309, 3, false},  // ppoll
    {319, 4, false},  // epoll_pwait
    {385, 5, true},   // io_pgetevents
    {413, 5, true},   // pselect6_time64
    {414, 3, false},  // ppoll_time64
    {416, 5, true},   // io_pgetevents_time64
    {426, 4, false},  // io_uring_enter
    {441, 4, false},  // epoll_pwait2
});
/// Whether the call may end with EINTR after a stop, and whether it always does.
[[nodiscard]] bool may_be_disturbed(long system_call) noexcept;
[[nodiscard]] bool is_always_disturbed(long system_call) noexcept;

[[nodiscard]] std::size_t blob_size(Operation operation, std::size_t cuts) noexcept;
[[nodiscard]] std::size_t build_blob(const BlobTask& task, const Registers& registers,
                                     std::byte* into) noexcept;
[[nodiscard]] BlobCalls blob_calls(Operation operation) noexcept;
[[nodiscard]] std::optional<std::size_t> cuts_made(const BlobTask& task,
                                                   const Registers& now) noexcept;

/// Behind socket(2).
[[nodiscard]] std::uint64_t placeholder_at(std::uintptr_t at, const Registers& now) noexcept;

}  // namespace i386

}  // namespace unwait::ptrace::arch
