// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace unwait::netlink {

/// Inodes of the unix sockets of our network namespace that have something to receive (sock_diag(7)
/// UDIAG_SHOW_RQLEN). Empty where the kernel has no unix_diag. Throws Error.
[[nodiscard]] std::vector<std::uint64_t> unix_sockets_with_data();

}  // namespace unwait::netlink
