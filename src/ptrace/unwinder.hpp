// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include "code_map.hpp"
#include "stack.hpp"
#include "unwait/process.hpp"

namespace unwait::ptrace {

/// Finds the calls on the stacks of one process by libunwind, which believes all that it reads: for
/// a process of ours that may hang or crash.
class Unwinder {
public:
    /// Reads where its code is from.
    explicit Unwinder(const ProcessId& process)
        : process_(process), code_(CodeMap::of(process.pid)) {}

    [[nodiscard]] Stack unwind(pid_t tid) const;

private:
    ProcessId process_;
    CodeMap code_;
};

}  // namespace unwait::ptrace
