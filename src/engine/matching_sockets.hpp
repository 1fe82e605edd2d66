// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

#include "networks.hpp"
#include "unwait/selector.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// The sockets of one network namespace that match as far as no holder is needed to tell.
[[nodiscard]] std::vector<Socket> matching_sockets(Network& network, const Selector& selector,
                                                   std::vector<BlindSpot>& blind_spots);

/// These sockets of one network namespace, as they are now: each is asked for by itself, so that
/// none is missed (see SockDiag::dump). Ordered by local, peer, cookie. What has gone is left out,
/// and so is what is dead now but was not then.
[[nodiscard]] std::vector<Socket> known_sockets(Network& network,
                                                std::span<const Socket* const> known,
                                                std::vector<BlindSpot>& blind_spots);

}  // namespace unwait
