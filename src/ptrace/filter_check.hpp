// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arch.hpp"
#include "fd.hpp"
#include "filter_chain.hpp"
#include "surgeon.hpp"
#include "survey.hpp"

namespace unwait::ptrace {

/// A system call that a blob makes.
struct NamedCall {
    const char* name;
    seccomp::Call call;
};

/// Those of a blob at this address, for a thread with these registers. Without a cut the fd may be
/// any.
[[nodiscard]] std::vector<NamedCall> calls_of_blob(Operation operation, std::uintptr_t blob,
                                                   const arch::Registers& registers,
                                                   const Cut* cut);

/// Keeps a target from being killed by its own seccomp filters: for what a thread is made to call,
/// and for what the kernel calls on its behalf after a stop.
///
/// A thread's filters are read in a short stop of that thread alone, before the operation, and run
/// over the calls while it goes on. They cannot change, only become more, so while others are held
/// too one request tells whether that result still stands.
class FilterCheck {
public:
    /// `blob` is the address that the code will have.
    FilterCheck(Operation operation, std::span<const Cut> cuts, std::uintptr_t blob)
        : operation_(operation), cuts_(cuts), blob_(blob) {}

    /// Before anything is stopped: for is_unchanged(). Throws Error.
    void expect_unfiltered(const SurveyedThread& thread);

    /// The thread is in a ptrace-stop. 0 or an errno value, see FilterChain::read().
    [[nodiscard]] int read(pid_t tid) noexcept { return chain_.read(tid); }

    /// Why the filters that were read last do not let every call pass; empty when they do, and from
    /// then on they are what is_unchanged() asks for.
    [[nodiscard]] std::string objection(pid_t tid, const arch::Registers& registers);

    /// Whether read() can work at all, by what the kernel asks of who reads filters; that it is the
    /// first user namespace's capability does not show.
    [[nodiscard]] static bool may_read();

    /// Why a thread's filters could not be read.
    [[nodiscard]] static std::string unreadable(pid_t tid, int error);

    /// Whether the thread is under no other filters than those that let the calls pass, or still
    /// under none. It is in a ptrace-stop; nothing allocates.
    [[nodiscard]] bool is_unchanged(pid_t tid, const arch::Registers& registers) const noexcept;

    /// After each stop of a thread: where the kernel is about to make restart_syscall(2) and a
    /// filter stands against it, or may do so, the thread repeats the call itself instead.
    /// `registers` follows; nothing allocates. True unless the kernel failed.
    [[nodiscard]] bool guard_restart(const SurveyedThread& thread,
                                     arch::Registers& registers) noexcept;

private:
    [[nodiscard]] std::string objection_to(std::span<const NamedCall> calls, pid_t tid);

    Operation operation_;
    std::span<const Cut> cuts_;
    std::uintptr_t blob_;
    seccomp::FilterChain chain_;
    seccomp::Evaluator evaluator_;
    std::size_t accepted_ = 0;  // filters of the vehicle
    sys::Fd status_;            // of an unfiltered vehicle
};

}  // namespace unwait::ptrace
