// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "unwait/explanation.hpp"
#include "unwait/finding.hpp"

namespace unwait {

/// Watches what the holders do to the sockets, all at once: which calls their threads are found in
/// every ten milliseconds, and what the counters of the sockets say at the end. A call that is
/// shorter than that may be missed; the bytes that it moved are not. `trace`: also which system
/// calls are made on them, all of them, counted in the kernel. Stops nobody.
[[nodiscard]] std::vector<Observation> observe(std::span<const Finding> findings,
                                               std::chrono::milliseconds duration, bool trace);

}  // namespace unwait
