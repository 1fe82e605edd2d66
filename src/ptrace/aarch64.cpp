// SPDX-License-Identifier: MIT
#include <elf.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "aarch64_blob.hpp"
#include "arch.hpp"

namespace unwait::ptrace::arch {

namespace {

constexpr std::uint32_t svc = 0xd4000001;
constexpr std::uint64_t branch_type = 0xc00;  // PSTATE.BTYPE
constexpr std::uint64_t erestartnohand = 514;

// See x86_64.cpp. Here, too, close() must never be repeated.
constexpr std::array disturbed_calls =
    std::to_array<long>({SYS_read,         SYS_readv,         SYS_write,
                         SYS_writev,       SYS_recvfrom,      SYS_recvmsg,
                         SYS_recvmmsg,     SYS_sendto,        SYS_sendmsg,
                         SYS_sendmmsg,     SYS_accept,        SYS_accept4,
                         SYS_connect,      SYS_epoll_pwait,   SYS_epoll_pwait2,
                         SYS_io_getevents, SYS_io_pgetevents, SYS_io_uring_enter,
                         SYS_semop,        SYS_semtimedop,    SYS_rt_sigtimedwait,
                         SYS_preadv2,      SYS_pwritev2,      SYS_splice});

constexpr std::array always_disturbed_calls =
    std::to_array<long>({SYS_epoll_pwait, SYS_epoll_pwait2, SYS_io_getevents, SYS_io_pgetevents,
                         SYS_io_uring_enter, SYS_semop, SYS_semtimedop, SYS_rt_sigtimedwait});

// Calls that end the thread or begin another program or thread: they are let pass first.
constexpr std::array calls_of_no_return = std::to_array<long>(
    {SYS_exit, SYS_exit_group, SYS_execve, SYS_execveat, SYS_clone, SYS_clone3, SYS_rt_sigreturn});

bool contains(std::span<const long> calls, std::uint64_t call) noexcept {
    return std::ranges::find(calls, static_cast<long>(call)) != calls.end();
}

/// The instructions before and at the program counter.
bool stands_beside_call(pid_t tid, std::uint64_t pc) noexcept {
    errno = 0;
    const auto pair =
        static_cast<std::uint64_t>(::ptrace(PTRACE_PEEKTEXT, tid, pc - sizeof svc, nullptr));
    return errno == 0 && (static_cast<std::uint32_t>(pair) == svc || pair >> 32 == svc);
}

}  // namespace

bool read_registers(pid_t tid, Registers& into) noexcept {
    iovec area{&into.raw, sizeof into.raw};
    if (::ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &area) != 0) return false;
    into.is_foreign = area.iov_len != sizeof into.raw;  // 32-bit code has fewer
    into.beside_call = !into.is_foreign && stands_beside_call(tid, into.raw.pc);
    return true;
}

void set_sampled(Registers& registers, const SampledCall& call) noexcept {
    registers.raw.sp = call.stack_pointer;
    registers.raw.pc = call.instruction_pointer;
}

std::optional<std::uintptr_t> dwarf_register(const Registers& registers, int number,
                                             bool is_partial) noexcept {
    constexpr int stack = 31;
    constexpr int instruction = 32;
    if (registers.is_foreign) return std::nullopt;
    if (number == stack) return registers.raw.sp;
    if (number == instruction) return registers.raw.pc;
    if (is_partial || number < 0 || number > instruction) return std::nullopt;
    return registers.raw.regs[number];
}

bool write_registers(pid_t tid, const Registers& from) noexcept {
    // The kernel takes a copy first: all of it happens or nothing.
    auto copy = from.raw;
    iovec area{&copy, sizeof copy};
    return ::ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &area) == 0;
}

const std::uintptr_t blob_entry = 4;

bool set_instruction_pointer(pid_t tid, const Registers& registers,
                             std::uintptr_t address) noexcept {
    auto moved = registers;
    moved.raw.pc = address;
    // The thread may have been about to arrive where only a landing pad may stand.
    moved.raw.pstate &= ~branch_type;
    return write_registers(tid, moved);
}

std::uintptr_t instruction_pointer(const Registers& registers) noexcept { return registers.raw.pc; }

std::uintptr_t stack_pointer(const Registers& registers) noexcept { return registers.raw.sp; }

void move_instruction_pointer(Registers& registers, std::uintptr_t address) noexcept {
    registers.raw.pc = address;
}

bool in_system_call(const Registers& registers) noexcept { return registers.beside_call; }

bool can_carry_blob(const Registers& registers, std::uintptr_t address) noexcept {
    if (registers.is_foreign) return false;
    return registers.beside_call || is_near(address, registers.raw.pc);
}

SampledCall sample_call(pid_t tid) noexcept {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/syscall", tid);
    const int fd = ::open(path.data(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    std::array<char, 256> text{};
    const ssize_t size = ::read(fd, text.data(), text.size());
    ::close(fd);
    return parse_call({text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))})
        .value_or(SampledCall{});
}

bool cure_interrupted_call(pid_t tid, const SampledCall& before, Registers& registers) noexcept {
    // The kernel has forgotten the call already, and its first argument with it: only if the thread
    // is seen where it was before the stop these are still known.
    auto& raw = registers.raw;
    if (registers.is_foreign || static_cast<long>(raw.regs[0]) != -EINTR ||
        raw.regs[8] != static_cast<std::uint64_t>(before.number) ||
        !contains(disturbed_calls, raw.regs[8]) || raw.pc != before.instruction_pointer ||
        raw.sp != before.stack_pointer ||
        !std::equal(before.arguments.begin() + 1, before.arguments.end(), &raw.regs[1])) {
        return true;
    }
    raw.regs[0] = before.arguments[0];
    raw.pc -= sizeof svc;
    return write_registers(tid, registers);
}

bool must_start_at_exit(pid_t tid, const Registers& registers) noexcept {
    errno = 0;
    const long word = ::ptrace(PTRACE_PEEKTEXT, tid, registers.raw.pc, nullptr);
    return errno == 0 && !registers.is_foreign && static_cast<std::uint32_t>(word) == svc;
}

bool can_interrupt_call(const Registers& at_entry) noexcept {
    return !contains(calls_of_no_return, at_entry.raw.regs[8]);
}

bool cure_at_exit(pid_t tid, Registers& registers) noexcept {
    auto& raw = registers.raw;
    if (static_cast<long>(raw.regs[0]) != -EINTR || !contains(disturbed_calls, raw.regs[8])) {
        return true;
    }
    raw.regs[0] = -erestartnohand;
    return write_registers(tid, registers);
}

bool about_to_restart(const Registers&, const Registers&) noexcept { return false; }

bool is_disturbed_by_stops(const SampledCall& call) noexcept {
    return std::ranges::find(always_disturbed_calls, call.number) != always_disturbed_calls.end();
}

std::optional<seccomp::Call> restart_call(pid_t, const Registers&) noexcept {
    return std::nullopt;  // not to be known at this stop
}

bool repeat_whole_call(pid_t, Registers&) noexcept { return true; }

bool may_be_strict(const Registers& registers) noexcept {
    constexpr std::array possible = std::to_array<long>(
        {SYS_read, SYS_write, SYS_exit, SYS_rt_sigreturn, SYS_prctl, SYS_seccomp});
    return !registers.beside_call || contains(possible, registers.raw.regs[8]);
}

}  // namespace unwait::ptrace::arch
