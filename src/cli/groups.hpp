// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "command.hpp"
#include "unwait/finding.hpp"

namespace unwait::cli {

/// Findings that have a process, unit, local port or peer address in common.
struct Group {
    std::string key;  ///< empty: without a holder, or without a unit
    pid_t pid = 0;    ///< when grouped by process
    std::size_t sockets = 0;
    std::size_t stuck = 0;  ///< of them, with that verdict
    std::optional<std::uint64_t> oldest_idle_ms;
    std::uint64_t unread_bytes = 0;
    std::optional<Process> fullest;  ///< its process that is nearest to its fd limit
};

/// Most sockets first. A socket counts once in each group that it belongs to.
[[nodiscard]] std::vector<Group> group_by(Grouping grouping, std::span<const Finding> findings);

}  // namespace unwait::cli
