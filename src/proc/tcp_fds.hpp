// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "fd_table.hpp"

namespace unwait::proc {

/// An fd of a TCP socket; one is enough for each socket.
struct TcpFd {
    pid_t pid = 0;
    int fd = -1;
    std::uint64_t inode = 0;
};

/// TCP sockets that are open in some process and not among the `known` ones, each once. What kind
/// of socket a file is, sockfs tells (getxattr(2) system.sockprotoname). What may not be read is
/// left out. Tables of single threads are not looked into. Throws Error when /proc cannot be used.
[[nodiscard]] std::vector<TcpFd> find_tcp_fds(const InodeSet& known);

}  // namespace unwait::proc
