// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "unwait/tcp.hpp"

namespace unwait::netlink {

/// A struct tcp_info (tcp(7)) of any kernel's length: what an older one does not tell stays 0.
[[nodiscard]] TcpInfo parse_tcp_info(std::span<const std::byte> bytes);

/// What the kernel says of a TCP socket just now.
struct TcpLook {
    TcpState state = TcpState::closed;
    std::optional<TcpInfo> info;
};

/// By getsockopt(2) TCP_INFO of a descriptor that we hold; absent when it is of no TCP socket.
[[nodiscard]] std::optional<TcpLook> look_through(int fd);

}  // namespace unwait::netlink
