// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "unwait/snapshot.hpp"

namespace unwait::proc {

/// What the threads of a process do right now, at most `limit` of them. Nothing is stopped. What
/// may not be read stays empty; none when the process is gone.
[[nodiscard]] std::vector<ThreadActivity> read_activities(pid_t pid, std::size_t limit);

}  // namespace unwait::proc
