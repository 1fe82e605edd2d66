// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/audit.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "arch.hpp"
#include "call_mask.hpp"
#include "x86_blobs.hpp"

namespace unwait::ptrace::arch {

namespace {

// Restart codes of the kernel (include/linux/errno.h), never seen by the thread itself.
constexpr long erestartnohand = 514;
constexpr long erestart_restartblock = 516;
constexpr long first_restart_code = 512;
constexpr long last_restart_code = 516;

constexpr std::uint64_t code_segment_64 = 0x33;
constexpr std::uint64_t code_segment_32 = 0x23;
constexpr std::uint64_t stack_segment = 0x2b;  // whatever it was, SYSCALL and SYSRET leave this one
constexpr auto no_call = static_cast<std::uint64_t>(-1);
constexpr std::uint64_t trap_flag = 0x100;
constexpr std::uint64_t resume_flag = 0x10000;
constexpr std::uint64_t end_of_32_bits = std::uint64_t{1} << 32;
constexpr long x32_bit = 0x40000000;
constexpr std::uint16_t int_80 = 0x80cd;  // as the bytes cd 80 are read

// Calls that end with EINTR where others would be restarted. The socket calls do so with
// SO_RCVTIMEO or SO_SNDTIMEO. close() is not here: it must never be repeated.
constexpr std::array disturbed_calls = std::to_array<long>(
    {SYS_read, SYS_readv, SYS_write, SYS_writev, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg,
     SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_accept, SYS_accept4, SYS_connect, SYS_epoll_wait,
     SYS_epoll_pwait, SYS_epoll_pwait2, SYS_io_getevents, SYS_io_pgetevents, SYS_io_uring_enter,
     SYS_semop, SYS_semtimedop, SYS_rt_sigtimedwait, SYS_preadv2, SYS_pwritev2, SYS_splice,
     // x32: readv, writev, recvfrom, sendmsg, recvmsg, rt_sigtimedwait, recvmmsg, sendmmsg,
     // preadv2, pwritev2; its other calls have the numbers above.
     515, 516, 517, 518, 519, 523, 537, 538, 546, 547});

constexpr std::array always_disturbed_calls = std::to_array<long>(
    {SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_io_getevents, SYS_io_pgetevents,
     SYS_io_uring_enter, SYS_semop, SYS_semtimedop, SYS_rt_sigtimedwait});

bool may_be_disturbed(long call) noexcept {
    return std::ranges::find(disturbed_calls, call & ~x32_bit) != disturbed_calls.end();
}

/// tcdrain(3), which does nothing but wait; tcsendbreak(3) is the same request with another
/// argument.
bool only_waits(std::uint64_t request, std::uint64_t argument) noexcept {
    return request == TCSBRK && argument != 0;
}

/// fallocate(2), in a file system that takes back what it had begun; but what moves the rest of the
/// file must not be done twice.
bool only_allocates(std::uint64_t mode) noexcept {
    return (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) == 0;
}

bool runs_32_bit_code(const Registers& registers) noexcept {
    return registers.raw.cs == code_segment_32;
}

/// Whether the call it is stopped in has an i386 number: 64-bit code can use INT 0x80 as well.
bool is_i386_call(pid_t tid, const Registers& registers) noexcept {
    if (runs_32_bit_code(registers)) return true;
    errno = 0;
    const long word = ::ptrace(PTRACE_PEEKTEXT, tid, registers.raw.rip - 2, nullptr);
    return errno == 0 && static_cast<std::uint16_t>(word) == int_80;
}

/// Whether a call that has ended with EINTR had done nothing yet.
bool can_be_repeated(pid_t tid, const Registers& registers) noexcept {
    const auto& raw = registers.raw;
    const auto call = static_cast<long>(raw.orig_rax);
    if (is_i386_call(tid, registers)) {
        if (call == i386::call_ioctl) return only_waits(raw.rcx, raw.rdx);
        if (call == i386::call_fallocate) return only_allocates(raw.rcx);
        return i386::may_be_disturbed(call);
    }
    if (call == SYS_ioctl) return only_waits(raw.rsi, raw.rdx);
    if (call == SYS_fallocate) return only_allocates(raw.rsi);
    return may_be_disturbed(call);
}

bool keeps_off(pid_t tid, const Registers& stopped, int signal) noexcept {
    const auto& raw = stopped.raw;
    const auto number = static_cast<long>(raw.orig_rax);
    if (is_i386_call(tid, stopped)) {
        return ptrace::keeps_off(
            tid, {number, {raw.rbx, raw.rcx, raw.rdx, raw.rsi, raw.rdi, raw.rbp}, 4},
            i386::masked_calls, signal);
    }
    return ptrace::keeps_off(
        tid, {number & ~x32_bit, {raw.rdi, raw.rsi, raw.rdx, raw.r10, raw.r8, raw.r9}, 8},
        masked_calls, signal);
}

}  // namespace

bool read_registers(pid_t tid, Registers& into) noexcept {
    return ::ptrace(PTRACE_GETREGS, tid, nullptr, &into.raw) == 0;
}

void set_sampled(Registers& registers, const SampledCall& call) noexcept {
    registers.raw.rsp = call.stack_pointer;
    registers.raw.rip = call.instruction_pointer;
    registers.raw.cs = call.stack_pointer < end_of_32_bits ? code_segment_32 : code_segment_64;
}

std::optional<std::uintptr_t> dwarf_register(const Registers& registers, int number,
                                             bool is_partial) noexcept {
    const auto& raw = registers.raw;
    const std::array<std::uintptr_t, 17> all{raw.rax, raw.rdx, raw.rcx, raw.rbx, raw.rsi, raw.rdi,
                                             raw.rbp, raw.rsp, raw.r8,  raw.r9,  raw.r10, raw.r11,
                                             raw.r12, raw.r13, raw.r14, raw.r15, raw.rip};
    constexpr int stack = 7;
    constexpr int instruction = 16;
    if (number < 0 || number > instruction || runs_32_bit_code(registers)) return std::nullopt;
    if (is_partial && number != stack && number != instruction) return std::nullopt;
    return all.at(static_cast<std::size_t>(number));
}

std::optional<FrameRecords> frame_records(const Registers&) noexcept { return std::nullopt; }

std::uintptr_t without_signature(std::uintptr_t address) noexcept { return address; }

bool write_registers(pid_t tid, const Registers& from) noexcept {
    return ::ptrace(PTRACE_SETREGS, tid, nullptr, &from.raw) == 0;
}

const std::uintptr_t blob_entry = 2;

bool set_instruction_pointer(pid_t tid, const Registers&, std::uintptr_t address) noexcept {
    return ::ptrace(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, rip), address) == 0;
}

std::uintptr_t instruction_pointer(const Registers& registers) noexcept {
    return registers.raw.rip;
}

std::uintptr_t stack_pointer(const Registers& registers) noexcept { return registers.raw.rsp; }

void move_instruction_pointer(Registers& registers, std::uintptr_t address) noexcept {
    registers.raw.rip = address;
}

bool in_system_call(const Registers& registers) noexcept {
    return static_cast<long>(registers.raw.orig_rax) >= 0;
}

bool can_carry_blob(const Registers& registers, std::uintptr_t address, bool is_32_bit) noexcept {
    const bool reachable =
        is_32_bit ? runs_32_bit_code(registers) && address < end_of_32_bits
                  : registers.raw.cs == code_segment_64 && registers.raw.ss == stack_segment;
    return reachable && (registers.raw.eflags & trap_flag) == 0;
}

SampledCall sample_call(pid_t) noexcept { return {}; }

bool cure_interrupted_call(pid_t tid, const SampledCall&, Registers& registers) noexcept {
    auto& raw = registers.raw;
    // Results of 32-bit calls are as wide as others here.
    if (!in_system_call(registers) || static_cast<long>(raw.rax) != -EINTR) return true;
    if (!can_be_repeated(tid, registers)) return true;
    raw.rax = static_cast<std::uint64_t>(-erestartnohand);
    return ::ptrace(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, rax), raw.rax) == 0;
}

bool must_start_at_exit(pid_t, const Registers&, std::uintptr_t) noexcept { return false; }
bool can_interrupt_call(const Registers&) noexcept { return true; }
bool cure_at_exit(pid_t, Registers&) noexcept { return true; }

bool about_to_restart(const Registers& now, const Registers& stopped) noexcept {
    const long code = -static_cast<long>(stopped.raw.rax);
    if (!in_system_call(stopped) || code < first_restart_code || code > last_restart_code) {
        return false;
    }
    // A loop may come by here again, but not with the same in every register.
    user_regs_struct wanted = stopped.raw;
    wanted.rip -= 2;
    wanted.rax = now.raw.rax;
    wanted.orig_rax = now.raw.orig_rax;
    wanted.eflags = (wanted.eflags & ~resume_flag) | (now.raw.eflags & resume_flag);
    return std::memcmp(&wanted, &now.raw, sizeof wanted) == 0;
}

std::optional<seccomp::Call> restart_call(pid_t tid, const Registers& registers) noexcept {
    const auto& raw = registers.raw;
    if (!in_system_call(registers) || static_cast<long>(raw.rax) != -erestart_restartblock) {
        return std::nullopt;
    }
    if (is_i386_call(tid, registers)) {
        constexpr std::uint32_t number = 0;
        return seccomp::make_call(AUDIT_ARCH_I386, number, raw.rip,
                                  {raw.rbx, raw.rcx, raw.rdx, raw.rsi, raw.rdi, raw.rbp});
    }
    const auto number = static_cast<std::uint32_t>(SYS_restart_syscall |
                                                   (static_cast<long>(raw.orig_rax) & x32_bit));
    return seccomp::make_call(AUDIT_ARCH_X86_64, number, raw.rip,
                              {raw.rdi, raw.rsi, raw.rdx, raw.r10, raw.r8, raw.r9});
}

bool repeat_whole_call(pid_t tid, Registers& registers) noexcept {
    auto& rax = registers.raw.rax;
    rax = static_cast<std::uint64_t>(-erestartnohand);
    return ::ptrace(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, rax), rax) == 0;
}

void heed_signals(pid_t, const Registers&, int) noexcept {}  // the kernel does

bool may_be_strict(const Registers& registers) noexcept {
    if (!in_system_call(registers) || registers.raw.cs != code_segment_64) return true;
    constexpr std::array possible = {SYS_read,         SYS_write, SYS_exit,
                                     SYS_rt_sigreturn, SYS_prctl, SYS_seccomp};
    return std::ranges::find(possible, static_cast<long>(registers.raw.orig_rax)) != possible.end();
}

bool is_disturbed_by_stops(const SampledCall& call) noexcept {
    // Stacks of 32-bit code are there, and hardly any other.
    if (call.stack_pointer < end_of_32_bits) return i386::is_always_disturbed(call.number);
    return std::ranges::find(always_disturbed_calls, call.number) != always_disturbed_calls.end();
}

void relax() noexcept {
    for (int i = 0; i < 40; ++i) __builtin_ia32_pause();
}

bool blob_needs_nobody(const Registers&) noexcept { return true; }

const bool any_thread_carries = true;

std::size_t blob_size(Operation operation, std::size_t cuts, bool is_32_bit) noexcept {
    return is_32_bit ? i386::blob_size(operation, cuts) : amd64::blob_size(operation, cuts);
}

std::size_t ranges_in(std::size_t size, bool is_32_bit) noexcept {
    return is_32_bit ? 0 : amd64::ranges_in(size);
}

std::size_t build_blob(const BlobTask& task, const Registers& registers, std::byte* into) noexcept {
    return runs_32_bit_code(registers) ? i386::build_blob(task, registers, into)
                                       : amd64::build_blob(task, registers, into);
}

BlobCalls blob_calls(Operation operation, const Registers& registers) noexcept {
    return runs_32_bit_code(registers) ? i386::blob_calls(operation) : amd64::blob_calls(operation);
}

std::optional<std::size_t> cuts_made(const BlobTask& task, const Registers& now) noexcept {
    return runs_32_bit_code(now) ? i386::cuts_made(task, now) : amd64::cuts_made(task, now);
}

Registers leave_blob(const BlobTask&, const Registers&, const Registers& stopped, pid_t tid,
                     int signal) noexcept {
    Registers left = stopped;
    auto& raw = left.raw;
    // The kernel decides again what becomes of the call; but it has taken away the call's own mask,
    // and would let a signal end it that the call keeps off.
    if (signal == 0 || static_cast<long>(raw.rax) != -erestartnohand) return left;
    if (!keeps_off(tid, stopped, signal)) return left;
    raw.rip -= 2;
    raw.rax = raw.orig_rax;
    raw.orig_rax = no_call;
    return left;
}

int placeholder_in(const BlobTask& task, const Registers& now) noexcept {
    const auto calls = blob_calls(task.operation, now);
    const auto at = now.raw.rip - task.address;
    if (at >= calls.over) return -1;
    if (task.placeholder >= 0) return task.placeholder;
    if (at < calls.socket.end) return -1;
    // An error number of socket(2) is below 0 too.
    if (at == calls.socket.end) return static_cast<int>(now.raw.rax);
    return static_cast<int>(runs_32_bit_code(now) ? i386::placeholder_at(at, now) : now.raw.r14);
}

}  // namespace unwait::ptrace::arch
