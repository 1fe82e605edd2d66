// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace unwait::ptrace {

/// Makes the kernel kill this process in so many nanoseconds, unless it is called again before: a
/// stopped thread is let go then, whatever this process is stuck in (also when it is itself
/// stopped). The first call in a process, before it stops anybody, throws Error where the kernel
/// has no timer for it.
void arm_dead_man(std::uint64_t nanoseconds);

}  // namespace unwait::ptrace
