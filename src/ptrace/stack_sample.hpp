// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "arch.hpp"
#include "unwait/process.hpp"

namespace unwait::ptrace {

/// Registers and stack of a thread at one moment.
struct StackSample {
    arch::Registers registers{};
    /// Only the stack and instruction pointers are known: the thread sleeps in a call and was not
    /// stopped.
    bool is_partial = false;
    std::uintptr_t stack_begin = 0;
    std::vector<std::byte> stack;
    std::chrono::microseconds stopped{0};
    std::string refusal;  ///< why there is no sample; empty when there is one
};

/// Of a thread that sleeps in a system call, as /proc shows it, without stopping it: nothing of its
/// stack moves meanwhile, which is checked afterwards. A thread that does not sleep is refused.
[[nodiscard]] StackSample sample_asleep(pid_t tid);

/// Stops the thread for as long as it takes to copy its registers and at most 256 KiB of its stack.
/// A process of its own does that, which may be killed at any instant: the kernel then lets the
/// thread go. The call that it is in goes on as if nothing had been. Throws Error only when no such
/// process could be started.
[[nodiscard]] StackSample sample_stopped(const ProcessId& process, pid_t tid);

}  // namespace unwait::ptrace
