// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "unwait/snapshot.hpp"

namespace unwait {

/// Fills Process::no_duplicates and Process::no_injection of every holder, by trying what does not
/// touch it.
void probe_holders(std::vector<HeldSocket>& sockets);

}  // namespace unwait
