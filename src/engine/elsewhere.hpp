// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include "unwait/selector.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// Matches of a selector in a network namespace that is not ours.
struct Elsewhere {
    NetworkNamespace space;
    std::size_t count = 0;
};

/// Where else sockets match, most first; namespaces that may not be entered are passed over. Looks
/// for those of processes and mounts only, and for holders only where the selector needs them.
[[nodiscard]] std::vector<Elsewhere> matches_elsewhere(const Selector& selector);

}  // namespace unwait
