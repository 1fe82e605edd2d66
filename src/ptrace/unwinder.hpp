// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include "stack.hpp"

namespace unwait::ptrace {

/// What stack_of() tells, by libunwind, which believes all that it reads: for a process that may
/// hang or crash.
[[nodiscard]] Stack unwind(const ProcessId& process, pid_t tid);

}  // namespace unwait::ptrace
