// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "arch.hpp"

extern "C" {
extern const std::byte unwait_blob_close[];
extern const std::byte unwait_blob_close_end[];
extern const std::byte unwait_blob_replace[];
extern const std::byte unwait_blob_replace_end[];
// Behind the system call instructions.
extern const std::byte unwait_after_cut_close[];
extern const std::byte unwait_after_socket_replace[];
extern const std::byte unwait_after_shutdown_replace[];
extern const std::byte unwait_after_cut_replace[];
extern const std::byte unwait_after_last_replace[];
}

namespace unwait::ptrace::arch {

namespace {

/// The constants that stand before a blob's table, in the order of blob_x86_64.S.
struct Constants {
    std::uint64_t resume, again, count, adopted, rbx, rdi, rsi, rdx, rbp, rcx, r11, r12, r13, r14;
};

struct TableEntry {
    std::uint32_t fd;
    std::uint32_t dup3_flags;
};

// Restart codes of the kernel (include/linux/errno.h), never seen by the thread itself.
constexpr long erestartnohand = 514;
constexpr long erestart_restartblock = 516;
constexpr long first_restart_code = 512;
constexpr long last_restart_code = 516;

constexpr std::uint64_t native_code_segment = 0x33;
constexpr std::uint64_t trap_flag = 0x100;
constexpr std::uint64_t x32_bit = 0x40000000;

// Calls that end with EINTR where others would be restarted. The socket calls do so with
// SO_RCVTIMEO or SO_SNDTIMEO. close() is not here: it must never be repeated.
constexpr std::array disturbed_calls = std::to_array<long>(
    {SYS_read,         SYS_readv,           SYS_write,         SYS_writev,         SYS_recvfrom,
     SYS_recvmsg,      SYS_recvmmsg,        SYS_sendto,        SYS_sendmsg,        SYS_sendmmsg,
     SYS_accept,       SYS_accept4,         SYS_connect,       SYS_epoll_wait,     SYS_epoll_pwait,
     SYS_epoll_pwait2, SYS_io_getevents,    SYS_io_pgetevents, SYS_io_uring_enter, SYS_semop,
     SYS_semtimedop,   SYS_rt_sigtimedwait, SYS_preadv2,       SYS_pwritev2,       SYS_splice});

constexpr std::array always_disturbed_calls = std::to_array<long>(
    {SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_io_getevents, SYS_io_pgetevents,
     SYS_io_uring_enter, SYS_semop, SYS_semtimedop, SYS_rt_sigtimedwait});

std::span<const std::byte> code_of(Operation operation) noexcept {
    if (operation == Operation::close) return {unwait_blob_close, unwait_blob_close_end};
    return {unwait_blob_replace, unwait_blob_replace_end};
}

}  // namespace

bool read_registers(pid_t tid, Registers& into) noexcept {
    return ::ptrace(PTRACE_GETREGS, tid, nullptr, &into.raw) == 0;
}

bool write_registers(pid_t tid, const Registers& from) noexcept {
    return ::ptrace(PTRACE_SETREGS, tid, nullptr, &from.raw) == 0;
}

bool set_instruction_pointer(pid_t tid, std::uintptr_t address) noexcept {
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

bool can_carry_blob(const Registers& registers) noexcept {
    return registers.raw.cs == native_code_segment && (registers.raw.eflags & trap_flag) == 0;
}

bool cure_interrupted_call(pid_t tid, Registers& registers) noexcept {
    auto& raw = registers.raw;
    if (!in_system_call(registers) || static_cast<long>(raw.rax) != -EINTR ||
        std::ranges::find(disturbed_calls, static_cast<long>(raw.orig_rax)) ==
            disturbed_calls.end() ||
        raw.cs != native_code_segment) {
        return true;
    }
    raw.rax = static_cast<std::uint64_t>(-erestartnohand);
    return ::ptrace(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, rax), raw.rax) == 0;
}

bool about_to_restart(const Registers& now, const Registers& stopped) noexcept {
    const long code = -static_cast<long>(stopped.raw.rax);
    return in_system_call(stopped) && code >= first_restart_code && code <= last_restart_code &&
           now.raw.rip == stopped.raw.rip - 2 && now.raw.rsp == stopped.raw.rsp;
}

std::optional<seccomp::Call> restart_call(const Registers& registers) noexcept {
    const auto& raw = registers.raw;
    if (!in_system_call(registers) || static_cast<long>(raw.rax) != -erestart_restartblock) {
        return std::nullopt;
    }
    if (raw.cs != native_code_segment) {
        constexpr std::uint32_t number = 0;
        return seccomp::make_call(AUDIT_ARCH_I386, number, raw.rip,
                                  {raw.rbx, raw.rcx, raw.rdx, raw.rsi, raw.rdi, raw.rbp});
    }
    const auto number = static_cast<std::uint32_t>(SYS_restart_syscall | (raw.orig_rax & x32_bit));
    return seccomp::make_call(AUDIT_ARCH_X86_64, number, raw.rip,
                              {raw.rdi, raw.rsi, raw.rdx, raw.r10, raw.r8, raw.r9});
}

bool repeat_whole_call(pid_t tid, Registers& registers) noexcept {
    auto& rax = registers.raw.rax;
    rax = static_cast<std::uint64_t>(-erestartnohand);
    return ::ptrace(PTRACE_POKEUSER, tid, offsetof(user_regs_struct, rax), rax) == 0;
}

bool may_be_strict(const Registers& registers) noexcept {
    if (!in_system_call(registers) || registers.raw.cs != native_code_segment) return true;
    constexpr std::array possible = {SYS_read,         SYS_write, SYS_exit,
                                     SYS_rt_sigreturn, SYS_prctl, SYS_seccomp};
    return std::ranges::find(possible, static_cast<long>(registers.raw.orig_rax)) != possible.end();
}

std::vector<NamedCall> blob_calls(Operation operation, std::uintptr_t blob, const Cut* cut) {
    constexpr std::optional<std::uint64_t> any;
    const auto fd = cut == nullptr ? any : std::optional<std::uint64_t>(cut->fd);
    const auto call = [&](const char* name, long number, const std::byte* behind,
                          std::initializer_list<std::optional<std::uint64_t>> arguments) {
        const auto offset = static_cast<std::uintptr_t>(behind - code_of(operation).data());
        return NamedCall{name,
                         seccomp::make_call(AUDIT_ARCH_X86_64, static_cast<std::uint32_t>(number),
                                            blob + offset, arguments)};
    };
    if (operation == Operation::close) {
        return {call("close", SYS_close, unwait_after_cut_close, {fd})};
    }
    const auto flags = cut == nullptr ? any : cut->close_on_exec ? O_CLOEXEC : 0;
    // The placeholder's number may be any, or an error number if it could not be made.
    return {call("socket", SYS_socket, unwait_after_socket_replace,
                 {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}),
            call("shutdown", SYS_shutdown, unwait_after_shutdown_replace, {any, SHUT_RDWR}),
            call("dup3", SYS_dup3, unwait_after_cut_replace, {any, fd, flags}),
            call("close", SYS_close, unwait_after_last_replace, {any})};
}

bool is_disturbed_by_stops(long system_call) noexcept {
    return std::ranges::find(always_disturbed_calls, system_call) != always_disturbed_calls.end();
}

std::size_t blob_size(Operation operation, std::size_t cuts) noexcept {
    return code_of(operation).size() + cuts * sizeof(TableEntry);
}

void build_blob(Operation operation, const Registers& registers, std::span<const Cut* const> cuts,
                int placeholder, std::byte* into) noexcept {
    const auto code = code_of(operation);
    const auto& raw = registers.raw;
    const Constants constants{
        raw.rip, raw.rip - 2, cuts.size(), static_cast<std::uint64_t>(placeholder + 1),
        raw.rbx, raw.rdi,     raw.rsi,     raw.rdx,
        raw.rbp, raw.rcx,     raw.r11,     raw.r12,
        raw.r13, raw.r14};
    std::memcpy(into, code.data(), code.size());
    std::memcpy(into + code.size() - sizeof constants, &constants, sizeof constants);
    into += code.size();
    for (const Cut* cut : cuts) {
        const TableEntry entry{static_cast<std::uint32_t>(cut->fd),
                               cut->close_on_exec ? std::uint32_t{O_CLOEXEC} : 0U};
        std::memcpy(into, &entry, sizeof entry);
        into += sizeof entry;
    }
}

int placeholder_in(const Registers& now, std::uintptr_t address, int placeholder) noexcept {
    const auto at = static_cast<std::ptrdiff_t>(now.raw.rip - address);
    if (at >= unwait_after_last_replace - unwait_blob_replace) return -1;
    if (placeholder >= 0) return placeholder;
    const auto made = unwait_after_socket_replace - unwait_blob_replace;
    if (at < made) return -1;
    // An error number of socket(2) is below 0 too.
    return static_cast<int>(at == made ? now.raw.rax : now.raw.r14);
}

}  // namespace unwait::ptrace::arch
