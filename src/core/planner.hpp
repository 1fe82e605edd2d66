// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "unwait/finding.hpp"
#include "unwait/plan.hpp"

namespace unwait {

/// Decides for every finding: a Step, or LeftAlone with the reason. Never a step on pid 1, a kernel
/// thread, an already traced process (for close and replace), ourselves or our ancestors, or the
/// connection that carries our own session. Beyond max_sockets or max_processes the plan carries a
/// refusal.
[[nodiscard]] Plan make_plan(std::span<const Finding> findings, const Policy& policy,
                             const Self& self);

/// Whether `next` still has something to do: shutdown and destroy are for the socket, close and
/// replace for the fd, term and kill for either.
[[nodiscard]] bool still_needed(Action next, bool socket_is_stuck, bool fd_is_open);

[[nodiscard]] constexpr bool is_for_socket(Action action) noexcept {
    return action == Action::shutdown || action == Action::destroy;
}

}  // namespace unwait
