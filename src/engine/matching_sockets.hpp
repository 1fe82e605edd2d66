// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "networks.hpp"
#include "unwait/selector.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// The sockets of one network namespace that match as far as no holder is needed to tell.
[[nodiscard]] std::vector<Socket> matching_sockets(Network& network, const Selector& selector,
                                                   std::vector<BlindSpot>& blind_spots);

}  // namespace unwait
