// SPDX-License-Identifier: MIT
#pragma once

#include "networks.hpp"
#include "unwait/selector.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// Adds to a snapshot what tells why its sockets are where they are: who should accept those of a
/// backlog, what keeps those without a holder, which holders share an fd table, how long the
/// machine is up. Selected sockets without a holder that have gone meanwhile are removed.
void add_circumstances(Snapshot& snapshot, const Selector& selector, Networks& networks);

}  // namespace unwait
