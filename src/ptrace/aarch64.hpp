// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "arch.hpp"

/// What the files of this architecture share.
namespace unwait::ptrace::arch {

inline constexpr std::uint32_t svc = 0xd4000001;  ///< the system call instruction
inline constexpr std::uint64_t erestartnohand = 514;
inline constexpr std::uint64_t erestart_restartblock = 516;

/// Whether a branch instruction in a blob at `address` reaches `target`.
[[nodiscard]] bool is_near(std::uintptr_t address, std::uintptr_t target) noexcept;

/// The instructions before and at an address; none where they cannot be read.
struct Surroundings {
    std::uint32_t before = 0, at = 0;
};
[[nodiscard]] Surroundings instructions_around(pid_t tid, std::uint64_t address) noexcept;

/// Whether there is something in a thread's vector registers that any system call would clear: all
/// that SVE has more than the older ones.
[[nodiscard]] bool uses_wide_vectors(pid_t tid) noexcept;

/// Whether the process has a handler for the signal.
[[nodiscard]] bool is_caught(pid_t tid, int signal) noexcept;

/// How often the thread has gone to sleep.
[[nodiscard]] std::uint64_t times_asleep(pid_t tid) noexcept;

}  // namespace unwait::ptrace::arch
