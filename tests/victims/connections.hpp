// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "stage.hpp"

namespace victim {

/// A connection over loopback whose both ends belong to this process.
struct Connection {
    int fd = -1;    ///< the accepted end
    int peer = -1;  ///< the connecting end, -1 once it is closed
    std::uint16_t peer_port = 0;
};

enum class Over { v4, v6, v4mapped };

/// A listening socket and connections to it.
class Server {
public:
    explicit Server(Over over, int backlog = 4096);
    /// As the argument family=v4|v6|v4mapped says.
    explicit Server(const Arguments& arguments, int backlog = 4096);

    /// One more, which shares the port (SO_REUSEPORT).
    void add_listener() const;

    [[nodiscard]] Connection establish() const;
    /// The connecting end only: it waits in the backlog. `nonblocking` connects do not wait.
    [[nodiscard]] int connect_only(bool nonblocking = false) const;

    /// Ends what is left of the connection and connects the same socket once more.
    void reconnect(int fd) const;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
    Over over_;
    int fd_;
    std::uint16_t port_;
};

/// The peer sends `unread` bytes and leaves; without any the FIN is read too, unless fin=unread.
void become_close_wait(Connection& connection, const Arguments& arguments);

/// count=N connections in CLOSE-WAIT, told as fd, inode, cookie, port, peer_port and, as lists,
/// fds, inodes, cookies, peer_ports.
std::vector<Connection> make_close_wait(Stage& stage, const Arguments& arguments);

/// Tells the same facts of existing connections.
void tell_connections(Stage& stage, const Server& server,
                      const std::vector<Connection>& connections);

/// Sends until the peers' windows are closed and nothing more fits: the next write blocks.
void fill(const std::vector<int>& fds);

/// SO_COOKIE.
[[nodiscard]] std::uint64_t cookie_of(int fd);

/// Closes what must not fail to be closed.
void shut(int& fd);

}  // namespace victim
