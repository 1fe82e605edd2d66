// SPDX-License-Identifier: MIT
// What becomes of the call that a thread was stopped in.
#include <elf.h>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string_view>

#include "aarch64.hpp"
#include "call_mask.hpp"
#include "file.hpp"
#include "proc_text.hpp"
#include "text_scan.hpp"

namespace unwait::ptrace::arch {

namespace {

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

// Of these the ones whose first argument is an event set.
constexpr std::array event_loop_calls = std::to_array<long>({SYS_epoll_pwait, SYS_epoll_pwait2});

// Calls that end the thread or begin another program or thread: they are let pass first.
constexpr std::array calls_of_no_return = std::to_array<long>(
    {SYS_exit, SYS_exit_group, SYS_execve, SYS_execveat, SYS_clone, SYS_clone3, SYS_rt_sigreturn});

// Of the calls that go on after a stop as restart_syscall(2) those that are made on this
// architecture.
constexpr std::array resumable_calls =
    std::to_array<long>({SYS_nanosleep, SYS_clock_nanosleep, SYS_futex, SYS_restart_syscall});

bool contains(std::span<const long> calls, long call) noexcept {
    return std::ranges::find(calls, call) != calls.end();
}

long call_number(const Registers& registers) noexcept {
    return static_cast<long>(registers.raw.regs[8]);
}

/// Whether the thread may be about to repeat a call.
bool stands_at_call(pid_t tid, const Registers& registers) noexcept {
    return registers.beside_call && instructions_around(tid, registers.raw.pc).at == svc;
}

/// Whether an instruction is one of those with which arguments are set, and would set nothing anew.
bool changes_nothing(std::uint32_t instruction, const user_regs_struct& registers) noexcept {
    constexpr std::uint32_t nop = 0xd503201f;
    constexpr std::uint32_t zero_register = 31;
    if (instruction == nop) return true;
    const std::uint32_t target = instruction & 31;
    if (target == zero_register) return false;
    if ((instruction & 0xffe00000) == 0xd2800000) {  // mov xD, #IMMEDIATE
        return registers.regs[target] == (instruction >> 5 & 0xffff);
    }
    if ((instruction & 0xffe0ffe0) == 0xaa0003e0) {  // mov xD, xS
        const std::uint32_t source = instruction >> 16 & 31;
        return registers.regs[target] == (source == zero_register ? 0 : registers.regs[source]);
    }
    return false;
}

std::uint64_t number_in(std::string_view status, std::string_view field, int base) noexcept {
    const auto value = sys::status_field(status, field);
    return value ? sys::to_number<std::uint64_t>(*value, base).value_or(0) : 0;
}

/// The signals with a handler that wait for it.
std::uint64_t handled_signals(pid_t tid) noexcept {
    std::array<char, 4096> text{};
    const auto status = sys::read_proc_file(tid, "status", text);
    const auto set = [status](std::string_view field) { return number_in(status, field, 16); };
    return (set("SigPnd") | set("ShdPnd")) & ~set("SigBlk") & set("SigCgt");
}

SampledCall read_call(pid_t tid) noexcept {
    std::array<char, 256> text{};
    return parse_call(sys::read_proc_file(tid, "syscall", text)).value_or(SampledCall{});
}

bool set_call_number(pid_t tid, int number) noexcept {
    iovec area{&number, sizeof number};
    return ::ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &area) == 0;
}

/// The epoll set of the call that a thread was stopped in. Of a call that the kernel has forgotten
/// it still has the first argument, and tells it as soon as the call has a number again. A thread
/// that comes from rt_sigreturn(2), and was given EINTR before, had no epoll set there.
std::optional<std::uint64_t> forgotten_event_set(pid_t tid, const Registers& registers) noexcept {
    constexpr int no_call = -1;
    if (instructions_around(tid, registers.raw.pc).before != svc ||
        !set_call_number(tid, static_cast<int>(call_number(registers)))) {
        return std::nullopt;
    }
    const auto call = read_call(tid);
    set_call_number(tid, no_call);
    const std::uint64_t set = call.arguments[0];
    std::array<char, 64> target{};
    if (call.number < 0 ||
        sys::read_fd_link(tid, static_cast<int>(set), target) != sys::epoll_link) {
        return std::nullopt;
    }
    return set;
}

/// Whether it is still the same call, interrupted by this stop and no other.
bool is_last_call(pid_t tid, const SampledCall& before, const Registers& registers) noexcept {
    const auto& raw = registers.raw;
    return contains(disturbed_calls, before.number) && call_number(registers) == before.number &&
           raw.pc == before.instruction_pointer && raw.sp == before.stack_pointer &&
           std::equal(before.arguments.begin() + 1, before.arguments.end(), &raw.regs[1]) &&
           times_asleep(tid) == before.sleeps + 1;
}

}  // namespace

bool is_caught(pid_t tid, int signal) noexcept {
    std::array<char, 4096> text{};
    const auto caught = number_in(sys::read_proc_file(tid, "status", text), "SigCgt", 16);
    return (caught >> (signal - 1) & 1) != 0;
}

std::uint64_t times_asleep(pid_t tid) noexcept {
    std::array<char, 4096> text{};
    return number_in(sys::read_proc_file(tid, "status", text), "voluntary_ctxt_switches", 10);
}

SampledCall sample_call(pid_t tid) noexcept {
    const auto call = read_call(tid);
    if (!contains(disturbed_calls, call.number)) return call;
    // The number first: if the thread ran between the two, it will not fit.
    const auto sleeps = times_asleep(tid);
    auto again = read_call(tid);
    again.sleeps = sleeps;
    return again;
}

bool cure_interrupted_call(pid_t tid, const SampledCall& before, Registers& registers) noexcept {
    auto& raw = registers.raw;
    if (registers.is_foreign || static_cast<long>(raw.regs[0]) != -EINTR) return true;
    // The kernel has forgotten the call already, and its first argument with it: that is known if
    // the thread was seen in the call before. What an event loop asks for can be told by itself.
    std::optional<std::uint64_t> first_argument;
    if (contains(event_loop_calls, call_number(registers))) {
        first_argument = forgotten_event_set(tid, registers);
    } else if (is_last_call(tid, before, registers)) {
        first_argument = before.arguments[0];
    }
    if (!first_argument) return true;
    raw.regs[0] = *first_argument;
    raw.pc -= sizeof svc;
    registers.is_cured = true;
    return write_registers(tid, registers);
}

void heed_signals(pid_t tid, const Registers& cured, int signal) noexcept {
    if (!cured.is_cured) return;
    const auto& x = cured.raw.regs;
    const StoppedCall call{static_cast<long>(x[8]), {x[0], x[1], x[2], x[3], x[4], x[5]}, 8};
    // One that is given already may come only because the stop has taken away the call's own mask.
    const bool is_ended =
        signal == 0 ? handled_signals(tid) != 0
                    : is_caught(tid, signal) && !keeps_off(tid, call, masked_calls, signal);
    Registers now{};
    if (!is_ended || !read_registers(tid, now)) return;
    auto& raw = now.raw;
    if (raw.pc != cured.raw.pc || raw.sp != cured.raw.sp || raw.regs[0] != cured.raw.regs[0]) {
        return;  // it has gone on since
    }
    raw.regs[0] = static_cast<std::uint64_t>(-EINTR);
    raw.pc += sizeof svc;
    static_cast<void>(write_registers(tid, now));
}

bool must_start_at_exit(pid_t tid, const Registers& registers, std::uintptr_t address) noexcept {
    if (registers.beside_call) return stands_at_call(tid, registers);
    return !is_near(address, registers.raw.pc) || uses_wide_vectors(tid);
}

bool can_interrupt_call(const Registers& at_entry) noexcept {
    return !contains(calls_of_no_return, call_number(at_entry));
}

bool cure_at_exit(pid_t tid, Registers& registers) noexcept {
    auto& raw = registers.raw;
    if (static_cast<long>(raw.regs[0]) != -EINTR ||
        !contains(disturbed_calls, call_number(registers))) {
        return true;
    }
    raw.regs[0] = -erestartnohand;
    return write_registers(tid, registers);
}

bool about_to_restart(const Registers&, const Registers&) noexcept { return false; }

bool is_disturbed_by_stops(const SampledCall& call) noexcept {
    return contains(always_disturbed_calls, call.number);
}

std::optional<seccomp::Call> restart_call(pid_t tid, const Registers& registers) noexcept {
    const auto& x = registers.raw.regs;
    // Whether it is for these the kernel does not tell at this stop.
    if (!contains(resumable_calls, call_number(registers)) || !stands_at_call(tid, registers))
        return std::nullopt;
    return seccomp::make_call(AUDIT_ARCH_AARCH64, SYS_restart_syscall,
                              registers.raw.pc + sizeof svc, {x[0], x[1], x[2], x[3], x[4], x[5]});
}

bool repeat_whole_call(pid_t tid, Registers& registers) noexcept {
    // Where the kernel finds another program counter than it has left it makes no restart_syscall.
    auto& raw = registers.raw;
    if (changes_nothing(instructions_around(tid, raw.pc).before, raw)) {
        raw.pc -= sizeof svc;
    } else {
        raw.regs[0] = static_cast<std::uint64_t>(-EINTR);
        raw.pc += sizeof svc;
    }
    return write_registers(tid, registers);
}

bool may_be_strict(const Registers& registers) noexcept {
    constexpr std::array possible = std::to_array<long>(
        {SYS_read, SYS_write, SYS_exit, SYS_rt_sigreturn, SYS_prctl, SYS_seccomp});
    return !registers.beside_call || contains(possible, call_number(registers));
}

}  // namespace unwait::ptrace::arch
