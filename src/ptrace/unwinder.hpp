// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "unwait/explanation.hpp"
#include "unwait/process.hpp"

namespace unwait::ptrace {

struct Stack {
    std::vector<StackFrame> frames;        ///< innermost first, at most 64
    std::string note;                      ///< why there are none, or no more
    std::chrono::microseconds stopped{0};  ///< how long the thread was held; 0: not at all
};

/// The calls on a thread's stack. A thread that sleeps in a system call is not stopped unless its
/// registers are needed, any other for tens of microseconds; names are looked up afterwards, in the
/// files that the process has mapped (through /proc/PID/root) and, for generated code, in its
/// /tmp/perf-PID.map.
[[nodiscard]] Stack stack_of(const ProcessId& process, pid_t tid);

}  // namespace unwait::ptrace
