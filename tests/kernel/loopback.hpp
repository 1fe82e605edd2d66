// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "fd.hpp"
#include "unwait/tcp.hpp"

/// Real TCP connections over the loopback device, for tests. Failures throw unwait::Error.
namespace unwait::testing {

/// v4_mapped: inet6 sockets that speak IPv4 (::ffff:127.0.0.1).
enum class Flavour { v4, v6, v4_mapped };

/// An address literal; a colon makes it IPv6.
[[nodiscard]] Address address(const std::string& text);

/// The loopback address, as a socket of that flavour has it.
[[nodiscard]] Address loopback(Flavour flavour);

struct Listener {
    sys::Fd fd;
    Endpoint endpoint;
};

/// port: with others (SO_REUSEPORT).
enum class Sharing { nothing, port };

/// Bound even where no interface has the address (IP_FREEBIND); port 0: any free one.
[[nodiscard]] Listener listen_on(const Address& at, std::uint16_t port = 0,
                                 Sharing sharing = Sharing::nothing);

/// Blocks until connected.
[[nodiscard]] sys::Fd connect_to(const Endpoint& endpoint);

/// Ends what is left of its connection and connects the same socket once more; blocks until then.
void reconnect(const sys::Fd& fd, const Endpoint& endpoint);

/// Blocks until there is one.
[[nodiscard]] sys::Fd accept_from(const Listener& listener);

struct Connection {
    sys::Fd server;
    sys::Fd client;
};

/// Established.
[[nodiscard]] Connection connect_pair(const Listener& listener);

/// Sends `unread` from the client, then its FIN, and waits until the server's end has both: the
/// server's end is then in CLOSE-WAIT.
void leave(const Connection& connection, const std::string& unread = {});

[[nodiscard]] std::uint64_t cookie_of(const sys::Fd& fd);
[[nodiscard]] std::uint64_t inode_of(const sys::Fd& fd);
[[nodiscard]] Endpoint local_of(const sys::Fd& fd);
[[nodiscard]] Endpoint peer_of(const sys::Fd& fd);

/// Runs it in a thread with a network namespace of its own, where nobody else has sockets and the
/// loopback device is up. Throws what it throws.
void in_own_network(const std::function<void()>& body);

/// For what no descriptor can be polled for: whether it became true within ten seconds.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

}  // namespace unwait::testing
