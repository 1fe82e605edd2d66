// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

#include "surroundings.hpp"
#include "unwait/finding.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// Whether it is a connection without a file, as one is until accept() makes it.
[[nodiscard]] bool waits_for_accept(const Socket& socket);

/// Whether its connection is over while somebody still has an fd of it.
[[nodiscard]] bool is_dead(const Socket& socket, std::span<const Holder> holders);

/// Whether all its holders are in another network namespace than it is.
[[nodiscard]] bool is_elsewhere(const HeldSocket& held);

/// All that was observed about a socket: its queues and age, then its holders.
[[nodiscard]] std::vector<Evidence> evidence_of(const HeldSocket& held, const Surroundings& around);

}  // namespace unwait
