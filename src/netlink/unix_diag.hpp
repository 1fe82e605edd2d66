// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "channel.hpp"

namespace unwait::netlink {

/// Inodes of the unix sockets that have something to receive, in the network namespace in which a
/// channel to sock_diag(7) was opened (UDIAG_SHOW_RQLEN). Empty where the kernel has no unix_diag.
/// Throws Error.
[[nodiscard]] std::vector<std::uint64_t> unix_sockets_with_data(Channel& channel);

}  // namespace unwait::netlink
