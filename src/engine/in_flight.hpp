// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "unwait/snapshot.hpp"

namespace unwait {

/// Looks at the fds that wait in unix sockets without receiving them (recvmsg(2) MSG_PEEK on a
/// duplicate): a queue in which one of these inodes was seen is then known to keep it, and one of
/// which all fds were seen is known to keep nothing else. Where that may not be looked at, the
/// keepers stay as they are. The target is not stopped and notices nothing.
[[nodiscard]] std::vector<Keeper> look_into_queues(std::vector<Keeper> keepers,
                                                   std::span<const std::uint64_t> inodes);

}  // namespace unwait
