// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "seccomp.hpp"
#include "surgeon.hpp"

/// What differs between processor architectures: registers, the calls that ptrace disturbs, and the
/// blob. Nothing here allocates. Every function that takes a tid needs it in a ptrace-stop.
namespace unwait::ptrace::arch {

/// All general registers, as PTRACE_GETREGS or PTRACE_GETREGSET lays them out.
struct Registers {
    user_regs_struct raw;
    // Only where the registers themselves do not tell:
    bool beside_call =
        false;                ///< a system call instruction is before or at the instruction pointer
    bool is_foreign = false;  ///< of another instruction set, and not in `raw`
    bool is_cured = false;    ///< the call is made again whatever comes: see heed_signals()
};

[[nodiscard]] bool read_registers(pid_t tid, Registers& into) noexcept;
[[nodiscard]] bool write_registers(pid_t tid, const Registers& from) noexcept;

/// Moves the instruction pointer of a thread with these registers: it happens or it does not.
[[nodiscard]] bool set_instruction_pointer(pid_t tid, const Registers& registers,
                                           std::uintptr_t address) noexcept;

[[nodiscard]] std::uintptr_t instruction_pointer(const Registers& registers) noexcept;
[[nodiscard]] std::uintptr_t stack_pointer(const Registers& registers) noexcept;

/// Only in the copy.
void move_instruction_pointer(Registers& registers, std::uintptr_t address) noexcept;

/// Whether it stopped inside a system call (else: in its own code).
[[nodiscard]] bool in_system_call(const Registers& registers) noexcept;

/// Whether a blob at that address can run here: the thread's code can reach it, is of the kind that
/// its process is (`is_32_bit` or not) and that there is a blob for, does not single-step itself,
/// and has no register that a system call changes and the blob cannot put back.
[[nodiscard]] bool can_carry_blob(const Registers& registers, std::uintptr_t address,
                                  bool is_32_bit) noexcept;

/// A thread's system call as /proc/PID/syscall shows it.
struct SampledCall {
    long number = -1;  ///< -1: in none
    std::array<std::uint64_t, 6> arguments{};
    std::uint64_t stack_pointer = 0;
    std::uint64_t instruction_pointer = 0;
    std::uint64_t sleeps = 0;  ///< how often the thread had gone to sleep (sample_call() alone)
};
[[nodiscard]] std::optional<SampledCall> parse_call(std::string_view text) noexcept;

/// The registers that such a call shows: the stack and instruction pointers.
void set_sampled(Registers& registers, const SampledCall& call) noexcept;

/// A register by its DWARF number; absent when there is none, when it runs 32-bit code, and in a
/// partial copy (set_sampled()) for all but the two pointers.
[[nodiscard]] std::optional<std::uintptr_t> dwarf_register(const Registers& registers, int number,
                                                           bool is_partial) noexcept;

/// Where the procedure call standard has each function leave a record of its caller.
struct FrameRecords {
    std::uintptr_t innermost;  ///< {the next record further out, where the function returns to}
    std::uintptr_t link;       ///< where the last call returns to, a record or not
};
/// None on other architectures.
[[nodiscard]] std::optional<FrameRecords> frame_records(const Registers& registers) noexcept;

/// A code address without the signature that return addresses may carry in their unused bits.
[[nodiscard]] std::uintptr_t without_signature(std::uintptr_t address) noexcept;

/// What a running thread is in, for cure_interrupted_call(); none where that needs no such help.
[[nodiscard]] SampledCall sample_call(pid_t tid) noexcept;

/// Some calls end with EINTR after any stop, even without a signal (signal(7)). Where that is about
/// to happen the call is marked to be restarted unless a handler runs; `registers` follows.
/// `before` was the last call that was sampled before the stop. True unless the kernel failed.
[[nodiscard]] bool cure_interrupted_call(pid_t tid, const SampledCall& before,
                                         Registers& registers) noexcept;

/// Before a thread that was cured goes on, or is given `signal` (0: none yet): where the kernel has
/// forgotten the call, it ends with EINTR after all if a signal comes first that has a handler.
void heed_signals(pid_t tid, const Registers& cured, int signal) noexcept;

/// On some architectures the kernel has decided at a stop what becomes of the interrupted call, and
/// forgotten the call. There the thread makes it once more, and the blob is begun at its exit,
/// where that is still open. So it is in a thread's own code from where a blob at `address` would
/// be no way back, or where its calls would clear registers: there the next call is waited for.
/// Whether this thread has to be brought to an exit.
[[nodiscard]] bool must_start_at_exit(pid_t tid, const Registers& registers,
                                      std::uintptr_t address) noexcept;

/// At the entry of that call: whether it comes back from an interruption as it came.
[[nodiscard]] bool can_interrupt_call(const Registers& at_entry) noexcept;

/// At its exit: as cure_interrupted_call().
[[nodiscard]] bool cure_at_exit(pid_t tid, Registers& registers) noexcept;

/// Whether a thread that was stopped with these registers is about to repeat its system call.
[[nodiscard]] bool about_to_restart(const Registers& now, const Registers& stopped) noexcept;

/// Whether a stop always makes this call end with EINTR.
[[nodiscard]] bool is_disturbed_by_stops(const SampledCall& call) noexcept;

/// The call by which the kernel goes on with the interrupted one (restart_syscall(2)), if it will
/// make one: the seccomp filters of the thread see it.
[[nodiscard]] std::optional<seccomp::Call> restart_call(pid_t tid,
                                                        const Registers& registers) noexcept;

/// Has the call itself made again instead: what is left of a timeout begins anew. `registers`
/// follows. True unless the kernel failed.
[[nodiscard]] bool repeat_whole_call(pid_t tid, Registers& registers) noexcept;

/// Whether a thread that was stopped with these registers may be in seccomp's strict mode: not if
/// its last call is one that this mode does not have.
[[nodiscard]] bool may_be_strict(const Registers& registers) noexcept;

/// Bytes of a blob for so many cuts, at most, in a process whose own code is 32-bit code or not.
[[nodiscard]] std::size_t blob_size(Operation operation, std::size_t cuts, bool is_32_bit) noexcept;

/// How many of the first of these cuts have consecutive numbers; not more than can be looked at and
/// closed together within a few microseconds.
[[nodiscard]] constexpr std::size_t size_of_range(std::span<const Cut* const> cuts) noexcept {
    constexpr std::size_t most = 16;
    std::size_t size = cuts.empty() ? 0 : 1;
    while (size < std::min(cuts.size(), most) && cuts[size]->fd == cuts[size - 1]->fd + 1) ++size;
    return size;
}

/// In how many ranges they are.
[[nodiscard]] constexpr std::size_t count_ranges(std::span<const Cut* const> cuts) noexcept {
    std::size_t count = 0;
    for (; !cuts.empty(); cuts = cuts.subspan(size_of_range(cuts))) ++count;
    return count;
}

/// How many ranges of numbers a blob of so many bytes can close with close_range(2) (Linux 5.9); 0
/// where blobs close one number after the other.
[[nodiscard]] std::size_t ranges_in(std::size_t size, bool is_32_bit) noexcept;

/// Where in the blob a stopped thread is pointed at.
extern const std::uintptr_t blob_entry;

/// When a blob waits behind its last call, for somebody who puts the thread back; never for ever.
enum class Wait : std::uint8_t {
    never,
    where_early,  ///< when it has ended before its last cut, to show how far it came: some
                  ///< milliseconds
    always,       ///< a thread that job control has stopped must not run its own code: a tenth of a
                  ///< second at least
};

/// What a blob is to do.
struct BlobTask {
    Operation operation;
    std::uintptr_t address;            ///< where the blob will stand
    std::span<const Cut* const> cuts;  ///< made in this order
    int placeholder = -1;              ///< one that an interrupted run has left in the target
    pid_t mark = 0;  ///< owner (F_GETOWN) of the files behind the cuts, asked for just before each:
                     ///< the first that has another ends the blob. 0: they carry none
    bool by_ranges = false;  ///< closes each range of numbers by one call; with marks only
    Wait wait = Wait::where_early;
};

/// Passes about a microsecond without taking anything from a thread on the same core.
void relax() noexcept;

/// Whether a thread with these registers comes out of its blob alone exactly as it went in; else
/// somebody should see to it.
[[nodiscard]] bool blob_needs_nobody(const Registers& registers) noexcept;

/// Whether a thread that runs, or is in a call that stops disturb, carries a blob as surely as one
/// that just sleeps.
extern const bool any_thread_carries;

/// How often a blob goes round while it waits: three instructions each time.
[[nodiscard]] constexpr std::uint64_t rounds_of(const BlobTask& task) noexcept {
    return task.wait == Wait::always ? std::uint64_t{1} << 28 : 0;
}
/// The same where it has ended early.
[[nodiscard]] constexpr std::uint64_t early_rounds_of(const BlobTask& task) noexcept {
    return task.wait == Wait::where_early ? std::uint64_t{1} << 25 : rounds_of(task);
}

/// Writes the blob that does it and then goes on with `registers`. `into` must have blob_size()
/// bytes; returns how many are used.
[[nodiscard]] std::size_t build_blob(const BlobTask& task, const Registers& registers,
                                     std::byte* into) noexcept;

/// The placeholder that a replacing blob has open in a thread that is stopped inside it; -1 for
/// none.
[[nodiscard]] int placeholder_in(const BlobTask& task, const Registers& now) noexcept;

/// How many of its cuts the blob has made, in a thread that is stopped inside it; the last of them
/// may be a replacement that has just failed. Absent where it has nothing left to do but leave.
[[nodiscard]] std::optional<std::size_t> cuts_made(const BlobTask& task,
                                                   const Registers& now) noexcept;

/// The registers that a thread which is stopped in the blob gets, to be out of it: those it was
/// `stopped` with, or those with which the blob would have gone on. `signal` is the one that it is
/// about to be given, 0 for none.
[[nodiscard]] Registers leave_blob(const BlobTask& task, const Registers& now,
                                   const Registers& stopped, pid_t tid, int signal) noexcept;

/// The system calls of the blob for a thread with these registers, as a seccomp filter sees them:
/// AUDIT_ARCH_..., their numbers, and how far behind the blob's begin their instructions end.
struct BlobCalls {
    struct Call {
        std::uint32_t number;
        std::uintptr_t end;
    };
    std::uint32_t architecture;
    std::uintptr_t over = 0;            ///< from here on it makes none
    Call cut;                           ///< close or dup3
    Call socket{}, shutdown{}, last{};  ///< of a replacing blob; the last closes the placeholder
};
[[nodiscard]] BlobCalls blob_calls(Operation operation, const Registers& registers) noexcept;

}  // namespace unwait::ptrace::arch
