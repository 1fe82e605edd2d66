// SPDX-License-Identifier: MIT
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// Calls that put another signal mask in place of the thread's as long as they last (pselect(2),
/// sigsuspend(2)). A stop puts the thread's own back until they are made again.
namespace unwait::ptrace {

struct MaskedCall {
    long number;
    std::size_t argument;  ///< which of its arguments points to the mask; no mask where it is 0
    bool is_indirect;      ///< to a structure, rather, that begins with that pointer
};

inline constexpr std::array masked_calls = std::to_array<MaskedCall>({
    {SYS_rt_sigsuspend, 0, false},
    {SYS_ppoll, 3, false},
    {SYS_pselect6, 5, true},
    {SYS_epoll_pwait, 4, false},
    {SYS_epoll_pwait2, 4, false},
    {SYS_io_pgetevents, 5, true},
    {SYS_io_uring_enter, 4, false},  // and true with IORING_ENTER_EXT_ARG
});

/// A call that a thread was stopped in, and that is to be made again.
struct StoppedCall {
    long number;
    std::array<std::uint64_t, 6> arguments;
    std::size_t pointer_size;  ///< of the thread: 4 or 8 bytes
};

/// Whether it is one of those, with a mask that keeps this signal off. False where the thread's
/// memory cannot be read.
[[nodiscard]] bool keeps_off(pid_t tid, const StoppedCall& call, std::span<const MaskedCall> masked,
                             int signal) noexcept;

}  // namespace unwait::ptrace
