// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

#include "unwait/selector.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// Matches everything.
[[nodiscard]] Selector any_socket();

/// Whether `wanted` names the unit, in full or without ".service".
[[nodiscard]] bool is_unit(std::string_view wanted, std::string_view unit);

[[nodiscard]] bool matches_endpoint(const EndpointPattern& pattern, const Endpoint& endpoint);

/// Whether the socket's own data matches (states, endpoints, ports, inodes, min_idle): no holder
/// needed. Filters are left to the snapshot, which knows what their names stand for (see meets()).
[[nodiscard]] bool matches_socket(const Selector& selector, const Socket& socket);

/// Whether the whole matches. The members about a process (pids, fds, processes, users, units,
/// cgroups) must all be met by one and the same holder, pids and fds by one and the same fd.
[[nodiscard]] bool matches(const Selector& selector, const Socket& socket,
                           std::span<const Holder> holders);
[[nodiscard]] inline bool matches(const Selector& selector, const HeldSocket& held) {
    return matches(selector, held.socket, held.holders);
}

/// Whether a holder is needed to decide: otherwise unreadable processes cannot hide a match.
[[nodiscard]] bool needs_holder(const Selector& selector);

/// Whether no member says which sockets, as states (of filters too) and min_idle do not: `clear`
/// wants --all for it.
[[nodiscard]] bool selects_everything(const Selector& selector);

}  // namespace unwait
