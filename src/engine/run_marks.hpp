// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <map>
#include <set>

#include "unwait/process.hpp"

/// When each process was last operated on: one empty file for each below /run/unwait (of a user:
/// /run/user/UID/unwait), which ends with the machine's uptime.
namespace unwait {

/// Of those of the processes that ever were.
[[nodiscard]] std::map<ProcessId, std::chrono::milliseconds> time_since_runs(
    const std::set<ProcessId>& processes);

/// Notes that they are about to be operated on, and forgets processes that have ended. Throws
/// Error.
void mark_runs(const std::set<ProcessId>& processes);

}  // namespace unwait
