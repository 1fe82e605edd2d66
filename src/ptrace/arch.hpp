// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "seccomp.hpp"
#include "surgeon.hpp"

/// What differs between processor architectures: registers, the calls that ptrace disturbs, and the
/// blob. Nothing here allocates. Every function that takes a tid needs it in a ptrace-stop.
namespace unwait::ptrace::arch {

/// All general registers, as PTRACE_GETREGS lays them out.
struct Registers {
    user_regs_struct raw;
};

[[nodiscard]] bool read_registers(pid_t tid, Registers& into) noexcept;
[[nodiscard]] bool write_registers(pid_t tid, const Registers& from) noexcept;

/// Moves the instruction pointer: one word, so that it happened or did not.
[[nodiscard]] bool set_instruction_pointer(pid_t tid, std::uintptr_t address) noexcept;

[[nodiscard]] std::uintptr_t instruction_pointer(const Registers& registers) noexcept;
[[nodiscard]] std::uintptr_t stack_pointer(const Registers& registers) noexcept;

/// Only in the copy.
void move_instruction_pointer(Registers& registers, std::uintptr_t address) noexcept;

/// Whether it stopped inside a system call (else: in its own code).
[[nodiscard]] bool in_system_call(const Registers& registers) noexcept;

/// Whether the blob can run here: the native instruction set, and not single-stepping itself.
[[nodiscard]] bool can_carry_blob(const Registers& registers) noexcept;

/// Some calls end with EINTR after any stop, even without a signal (signal(7)). Where that is about
/// to happen the call is marked to be restarted unless a handler runs; `registers` follows. True
/// unless the kernel failed.
[[nodiscard]] bool cure_interrupted_call(pid_t tid, Registers& registers) noexcept;

/// Whether a thread that was stopped with these registers is about to repeat its system call.
[[nodiscard]] bool about_to_restart(const Registers& now, const Registers& stopped) noexcept;

/// Whether a stop makes this call end with EINTR (number as in /proc/PID/syscall).
[[nodiscard]] bool is_disturbed_by_stops(long system_call) noexcept;

/// The call by which the kernel goes on with the interrupted one (restart_syscall(2)), if it will
/// make one: the seccomp filters of the thread see it.
[[nodiscard]] std::optional<seccomp::Call> restart_call(const Registers& registers) noexcept;

/// Has the call itself made again instead: what is left of a timeout begins anew. `registers`
/// follows. True unless the kernel failed.
[[nodiscard]] bool repeat_whole_call(pid_t tid, Registers& registers) noexcept;

/// Whether a thread that was stopped with these registers may be in seccomp's strict mode: not if
/// its last call is one that this mode does not have.
[[nodiscard]] bool may_be_strict(const Registers& registers) noexcept;

/// The system calls that a blob at this address makes, as seccomp filters see them. Without a cut
/// the fd may be any.
struct NamedCall {
    const char* name;
    seccomp::Call call;
};
[[nodiscard]] std::vector<NamedCall> blob_calls(Operation operation, std::uintptr_t blob,
                                                const Cut* cut);

/// Bytes of a blob for so many cuts.
[[nodiscard]] std::size_t blob_size(Operation operation, std::size_t cuts) noexcept;

/// Where in the blob a stopped thread is pointed at.
inline constexpr std::uintptr_t blob_entry = 2;

/// Writes the blob that performs these cuts, in order, and then goes on with `registers`.
/// `placeholder` is one that an interrupted run has left in the target, or -1. `into` must have
/// blob_size() bytes.
void build_blob(Operation operation, const Registers& registers, std::span<const Cut* const> cuts,
                int placeholder, std::byte* into) noexcept;

/// The placeholder that a replacing blob at `address`, built with `placeholder`, has open in a
/// thread that is stopped inside it; -1 for none.
[[nodiscard]] int placeholder_in(const Registers& now, std::uintptr_t address,
                                 int placeholder) noexcept;

}  // namespace unwait::ptrace::arch
