// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

/// What a thread has asked of the kernel that moving its instruction pointer would break. The
/// thread must be in a ptrace-stop; nothing allocates.
namespace unwait::ptrace {

/// Where a restartable sequence goes on when it is interrupted, if `address` is inside one
/// (rseq(2); Linux 5.13 tells, before that it is not known).
[[nodiscard]] std::optional<std::uintptr_t> rseq_abort_address(pid_t tid,
                                                               std::uintptr_t address) noexcept;

/// Whether its system calls are handed to a SIGSYS handler instead of the kernel (syscall user
/// dispatch, Linux 5.11; since Linux 6.4 the kernel tells).
[[nodiscard]] bool redirects_system_calls(pid_t tid) noexcept;

/// Of a thread that is about to be given a signal: the address behind the system call instruction
/// that it is handed for so, 0 when it is another signal.
[[nodiscard]] std::uintptr_t redirected_call(pid_t tid) noexcept;

/// Whether the kernel has an answer to each of these questions.
[[nodiscard]] bool tells_sequences(pid_t tid) noexcept;
[[nodiscard]] bool tells_dispatch(pid_t tid) noexcept;

}  // namespace unwait::ptrace
