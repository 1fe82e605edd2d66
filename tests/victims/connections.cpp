// SPDX-License-Identifier: MIT
#include "connections.hpp"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace victim {
namespace {

union AnyAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

struct Where {
    AnyAddress address{};
    socklen_t size = 0;
};

Where loopback(bool v6, std::uint16_t port) {
    Where where;
    if (v6) {
        where.address.v6.sin6_family = AF_INET6;
        where.address.v6.sin6_addr = in6addr_loopback;
        where.address.v6.sin6_port = htons(port);
        where.size = sizeof where.address.v6;
    } else {
        where.address.v4.sin_family = AF_INET;
        where.address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        where.address.v4.sin_port = htons(port);
        where.size = sizeof where.address.v4;
    }
    return where;
}

std::uint16_t local_port(int fd) {
    AnyAddress address{};
    socklen_t size = sizeof address;
    must(getsockname(fd, &address.any, &size), "getsockname");
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

Over over_of(const std::string& family) {
    if (family == "v4") return Over::v4;
    if (family == "v6") return Over::v6;
    if (family == "v4mapped") return Over::v4mapped;
    errno = EINVAL;
    fail("family=" + family);
}

void share_port(int fd) {
    const int on = 1;
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), "SO_REUSEPORT");
}

/// At any port, or at one that others share.
int listening_socket(Over over, int backlog, std::uint16_t port = 0) {
    const bool v6 = over != Over::v4;
    const int fd = must(socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    Where where = loopback(v6, port);
    if (port != 0) share_port(fd);
    if (over == Over::v4mapped) {
        const int off = 0;
        must(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off), "IPV6_V6ONLY");
        where.address.v6.sin6_addr = in6addr_any;
    }
    must(bind(fd, &where.address.any, where.size), "bind");
    must(listen(fd, backlog), "listen");
    return fd;
}

/// Sends until not even one byte finds room; returns how many did.
std::size_t fill_once(int fd) {
    static const std::string block(65536, 'x');
    std::size_t total = 0;
    for (std::size_t size = block.size(); size > 0;) {
        const ssize_t sent = send(fd, block.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) fail("send");
        if (sent < 0) {
            size /= 2;
        } else {
            total += static_cast<std::size_t>(sent);
        }
    }
    return total;
}

/// Whether the peer takes nothing more and nothing is on its way.
bool has_closed_window(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
    return info.tcpi_unacked == 0 && info.tcpi_snd_wnd == 0;
}

void raise_fd_limit() {
    rlimit limit{};
    must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

}  // namespace

void Server::add_listener() const {
    share_port(fd_);
    constexpr int backlog = 4096;
    listening_socket(over_, backlog, port_);
}

Server::Server(Over over, int backlog)
    : over_(over), fd_(listening_socket(over, backlog)), port_(local_port(fd_)) {}

Server::Server(const Arguments& arguments, int backlog)
    : Server(over_of(arguments.text("family", "v4")), backlog) {}

int Server::connect_only(bool nonblocking) const {
    const bool v6 = over_ == Over::v6;
    const int fd = must(socket(v6 ? AF_INET6 : AF_INET,
                               SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0),
                        "socket");
    const Where where = loopback(v6, port_);
    if (connect(fd, &where.address.any, where.size) == -1 && errno != EINPROGRESS) fail("connect");
    return fd;
}

void Server::reconnect(int fd) const {
    constexpr sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
    must(connect(fd, &nobody, sizeof nobody), "connect to nobody");
    const Where where = loopback(over_ == Over::v6, port_);
    must(connect(fd, &where.address.any, where.size), "connect");
}

Connection Server::establish() const {
    Connection connection;
    connection.peer = connect_only();
    connection.peer_port = local_port(connection.peer);
    connection.fd = must(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC), "accept4");
    return connection;
}

void become_close_wait(Connection& connection, const Arguments& arguments) {
    const auto unread = static_cast<std::size_t>(arguments.number("unread", 0));
    const bool fin_read = unread == 0 && arguments.text("fin", "read") == "read";
    const std::string data(unread, 'x');
    if (unread > 0) must(send(connection.peer, data.data(), unread, MSG_NOSIGNAL), "send");
    shut(connection.peer);
    pollfd fin{connection.fd, POLLRDHUP, 0};
    if (must(poll(&fin, 1, 10'000), "poll") == 0) {
        errno = ETIMEDOUT;
        fail("the FIN of the peer");
    }
    std::array<char, 16> buffer;
    if (fin_read && read(connection.fd, buffer.data(), buffer.size()) != 0) fail("read of the FIN");
}

std::vector<Connection> make_close_wait(Stage& stage, const Arguments& arguments) {
    raise_fd_limit();
    const Server server(arguments);
    std::vector<Connection> connections;
    for (long i = arguments.number("count", 1); i > 0; --i) {
        connections.push_back(server.establish());
        become_close_wait(connections.back(), arguments);
    }
    tell_connections(stage, server, connections);
    return connections;
}

void tell_connections(Stage& stage, const Server& server,
                      const std::vector<Connection>& connections) {
    std::vector<int> fds;
    std::vector<unsigned> peer_ports;
    std::vector<std::uint64_t> inodes;
    std::vector<std::uint64_t> cookies;
    for (const Connection& connection : connections) {
        fds.push_back(connection.fd);
        peer_ports.push_back(connection.peer_port);
        inodes.push_back(inode_of(connection.fd));
        cookies.push_back(cookie_of(connection.fd));
    }
    stage.tell("fd", fds.front());
    stage.tell("inode", inodes.front());
    stage.tell("cookie", cookies.front());
    stage.tell("port", static_cast<int>(server.port()));
    stage.tell("peer_port", static_cast<int>(peer_ports.front()));
    stage.tell("listen_fd", server.fd());
    stage.tell("fds", fds);
    stage.tell("inodes", inodes);
    stage.tell("cookies", cookies);
    stage.tell("peer_ports", peer_ports);
}

void fill(const std::vector<int>& fds) {
    // What was sent moves on to the peer for a while and leaves room here.
    const auto is_full = [](int fd) {
        fill_once(fd);
        return has_closed_window(fd) && fill_once(fd) == 0;
    };
    // None is left out, so that all fill up at the same time.
    const auto all = static_cast<std::ptrdiff_t>(fds.size());
    await([&] { return std::ranges::count_if(fds, is_full) == all; }, "full sockets");
}

std::uint64_t cookie_of(int fd) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    must(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), "SO_COOKIE");
    return cookie;
}

void shut(int& fd) {
    must(close(fd), "close");
    fd = -1;
}

}  // namespace victim
