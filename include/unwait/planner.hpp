// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <span>

#include "unwait/finding.hpp"
#include "unwait/plan.hpp"
#include "unwait/rulebook.hpp"

namespace unwait {

/// Decides for every finding: a Step, or LeftAlone with the reason. Never a step on pid 1 or on the
/// connection that carries our own session; never close, replace or a signal on ourselves or on an
/// already traced process; never a signal to our ancestors. A socket that nobody holds needs
/// destroy to be named, which includes `no-holder` by itself; `in-backlog` and `holder-unreadable`
/// must also be included. Beyond max_sockets or max_processes the plan carries a refusal. A kernel
/// thread holds no fd, and so is never a holder. What the rulebook denies is left alone, and
/// actions that it does not allow are taken away.
[[nodiscard]] Plan make_plan(std::span<const Finding> findings, const Policy& policy,
                             const Self& self, const Rulebook& book = {},
                             const PolicyFacts& facts = {});

/// Those that hold what the steps are about.
[[nodiscard]] std::set<ProcessId> processes_of(std::span<const Step> steps);

/// Whether `next` still has something to do: shutdown and destroy are for the socket, close and
/// replace for the fd, term and kill for either.
[[nodiscard]] bool still_needed(Action next, bool socket_is_stuck, bool fd_is_open);

[[nodiscard]] constexpr bool is_for_socket(Action action) noexcept {
    return action == Action::shutdown || action == Action::destroy;
}

}  // namespace unwait
