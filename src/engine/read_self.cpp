// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "file_identity.hpp"
#include "process.hpp"
#include "select.hpp"
#include "text.hpp"
#include "unwait/error.hpp"
#include "unwait/take_snapshot.hpp"

namespace unwait {

namespace {

struct Connection {
    EndpointPattern peer;
    EndpointPattern local;
};

/// "client-address client-port server-address server-port" (ssh(1), SSH_CONNECTION).
std::optional<Connection> ssh_connection() {
    const char* text = std::getenv("SSH_CONNECTION");
    if (text == nullptr) return std::nullopt;
    std::istringstream words(text);
    std::string peer, peer_port, local, local_port;
    if (!(words >> peer >> peer_port >> local >> local_port)) return std::nullopt;
    // Exactly one end each: a pattern would protect more than a session.
    const auto endpoint = [](const std::string& host,
                             const std::string& service) -> std::optional<EndpointPattern> {
        const auto address = parse_address(host);
        const auto port = parse_port_range(service);
        if (!address || !port || port->first != port->last) return std::nullopt;
        const unsigned bits = address->family == Family::inet6 ? 128 : 32;
        return EndpointPattern{*address, bits, port->first};
    };
    const auto peer_end = endpoint(peer, peer_port);
    const auto local_end = endpoint(local, local_port);
    if (!peer_end || !local_end) return std::nullopt;
    return Connection{*peer_end, *local_end};
}

std::vector<std::uint64_t> inodes_of_standard_streams() {
    std::vector<std::uint64_t> inodes;
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (sys::socket_cookie(fd)) inodes.push_back(sys::inode_of(fd));
    }
    return inodes;
}

}  // namespace

Self read_self(std::span<const Finding> findings) {
    Self self;
    self.pid = ::getpid();
    self.ancestors = proc::ancestors_of(self.pid);

    const auto streams = inodes_of_standard_streams();
    const auto ssh = ssh_connection();
    const auto is_our_sshd = [&](const Holder& holder) {
        return holder.process->command.starts_with("sshd") &&
               std::ranges::find(self.ancestors, holder.process->id.pid) != self.ancestors.end();
    };
    for (const Finding& finding : findings) {
        const Socket& socket = finding.socket;
        if (std::ranges::find(streams, socket.id.inode) != streams.end() ||
            (ssh && matches_endpoint(ssh->peer, socket.peer) &&
             matches_endpoint(ssh->local, socket.local)) ||
            std::ranges::any_of(finding.holders, is_our_sshd)) {
            self.own_connections.push_back(socket.id.cookie);
        }
    }
    return self;
}

}  // namespace unwait
