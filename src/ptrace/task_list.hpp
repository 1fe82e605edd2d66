// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace unwait::ptrace {

/// Calls `visit` with each tid in an open /proc/PID/task; false when it could not be read. Does not
/// allocate.
[[nodiscard]] bool for_each_task(int task_directory, void (*visit)(void*, pid_t),
                                 void* context) noexcept;

/// How many threads the kernel counts there, zombies included: the link count less two. Does not
/// allocate.
[[nodiscard]] std::size_t count_tasks(int task_directory) noexcept;

}  // namespace unwait::ptrace
