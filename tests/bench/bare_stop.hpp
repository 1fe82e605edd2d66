// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

namespace unwait::bench {

/// The least that any ptrace tool does to a thread: PTRACE_SEIZE, PTRACE_INTERRUPT, wait for the
/// stop, PTRACE_DETACH, at once and in a process with real-time priority, as a careful one would.
void stop_barely(pid_t tid);

}  // namespace unwait::bench
