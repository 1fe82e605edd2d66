// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "unwait/snapshot.hpp"

namespace unwait::proc {

/// What other than an fd may keep one of these socket inodes open: io_urings that have it
/// registered, mappings of it, and threads that are blocked in a call on an fd that leads to no
/// such socket any more. Of the unix sockets `queues`, those in which fds wait to be received
/// (proc_pid_fdinfo(5) scm_fds, Linux 5.11). What may not be read is left out. Reads every process:
/// for the rare case that a socket has no holder.
[[nodiscard]] std::vector<Keeper> find_keepers(std::span<const std::uint64_t> inodes,
                                               std::span<const std::uint64_t> queues);

}  // namespace unwait::proc
