// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "unwait/explanation.hpp"
#include "unwait/process.hpp"

namespace unwait::ptrace {

struct Stack {
    std::vector<StackFrame> frames;        ///< innermost first, at most most_frames
    std::string note;                      ///< why there are none, or no more
    std::chrono::microseconds stopped{0};  ///< how long the thread was held; 0: not at all
};

inline constexpr std::size_t most_frames = 64;

/// The calls on the stacks of a process's threads, by tid. A thread that sleeps in a system call is
/// not stopped unless its registers are needed, any other for as long as it takes to copy them and
/// the stack; names are looked up afterwards, in the files that the process has mapped and, for
/// generated code, in its /tmp/perf-PID.map. Whoever runs the process has written those files: they
/// are read in a process of ours that is given up, with all that it has not told yet, when it takes
/// seconds, too much memory, or fails. Throws Error when that could not be started.
[[nodiscard]] std::map<pid_t, Stack> stacks_of(const ProcessId& process,
                                               std::span<const pid_t> tids);

}  // namespace unwait::ptrace
