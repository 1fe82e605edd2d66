// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "sock_diag.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// TCP sockets of the network namespace whose connection is over while an fd of them is still open,
/// as a reset or `ss -K` leaves them behind. sock_diag(7) does not list them: they are found in
/// /proc and asked through a duplicate (pidfd_getfd(2)). A socket that was never connected is none;
/// it has no round trip and no acknowledged byte to show. What may not be duplicated is a blind
/// spot. Throws Error.
[[nodiscard]] std::vector<Socket> find_dead_sockets(netlink::SockDiag& diag,
                                                    std::vector<BlindSpot>& blind_spots);

}  // namespace unwait
