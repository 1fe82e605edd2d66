// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <vector>

#include "unwait/finding.hpp"
#include "unwait/plan.hpp"
#include "unwait/selector.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// The selected sockets of a snapshot with cause, evidence and verdict, in the snapshot's order.
/// `min_idle` is what makes a socket `too-young` (it does not filter; Selector::min_idle does).
/// There may be very many: whoever needs the snapshot no more should move it.
[[nodiscard]] std::vector<Finding> diagnose(Snapshot snapshot, const Selector& selector,
                                            std::chrono::milliseconds min_idle);

/// Whether it was idle for less than `min_idle`, or nobody knows how long; never for 0.
[[nodiscard]] bool is_too_young(const Socket& socket, std::chrono::milliseconds min_idle);

}  // namespace unwait
