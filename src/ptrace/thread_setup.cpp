// SPDX-License-Identifier: MIT
#include "thread_setup.hpp"

#include <sys/ptrace.h>

#include <csignal>

#include "memory.hpp"

namespace unwait::ptrace {

namespace {

// linux/ptrace.h and linux/rseq.h, which Debian 12's headers have only in part.
constexpr auto ptrace_get_rseq_configuration = static_cast<__ptrace_request>(0x420f);
constexpr auto ptrace_get_syscall_user_dispatch = static_cast<__ptrace_request>(0x4211);

struct RseqConfiguration {
    std::uint64_t address;
    std::uint32_t size, signature, flags, padding;
};

struct RseqSection {
    std::uint32_t version, flags;
    std::uint64_t start, length, abort;
};

struct DispatchConfiguration {
    std::uint64_t mode, selector, offset, length;
};

constexpr std::uint64_t offset_of_section = 8;  // of rseq_cs in struct rseq

/// PTRACE_GET_RSEQ_CONFIGURATION is answered with the size, the other one with 0.
std::optional<RseqConfiguration> sequences_of(pid_t tid) noexcept {
    RseqConfiguration configuration{};
    const long answer =
        ::ptrace(ptrace_get_rseq_configuration, tid, sizeof configuration, &configuration);
    return answer < 0 ? std::nullopt : std::optional(configuration);
}

std::optional<DispatchConfiguration> dispatch_of(pid_t tid) noexcept {
    DispatchConfiguration configuration{};
    const long answer =
        ::ptrace(ptrace_get_syscall_user_dispatch, tid, sizeof configuration, &configuration);
    return answer < 0 ? std::nullopt : std::optional(configuration);
}

}  // namespace

std::optional<std::uintptr_t> rseq_abort_address(pid_t tid, std::uintptr_t address) noexcept {
    const auto configuration = sequences_of(tid);
    if (!configuration || configuration->address == 0) return std::nullopt;
    const auto section_address =
        sys::read_object<std::uint64_t>(tid, configuration->address + offset_of_section);
    if (section_address.value_or(0) == 0) return std::nullopt;
    const auto section = sys::read_object<RseqSection>(tid, *section_address);
    if (!section || address - section->start >= section->length) return std::nullopt;
    return section->abort;
}

bool redirects_system_calls(pid_t tid) noexcept {
    const auto configuration = dispatch_of(tid);
    return configuration && configuration->mode != 0;
}

std::uintptr_t redirected_call(pid_t tid) noexcept {
    constexpr int sys_user_dispatch = 2;  // SYS_USER_DISPATCH of asm-generic/siginfo.h
    siginfo_t info{};
    const bool is_handed = ::ptrace(PTRACE_GETSIGINFO, tid, nullptr, &info) == 0 &&
                           info.si_signo == SIGSYS && info.si_code == sys_user_dispatch;
    return is_handed ? reinterpret_cast<std::uintptr_t>(info.si_call_addr) : 0;
}

bool tells_sequences(pid_t tid) noexcept { return sequences_of(tid).has_value(); }
bool tells_dispatch(pid_t tid) noexcept { return dispatch_of(tid).has_value(); }

}  // namespace unwait::ptrace
