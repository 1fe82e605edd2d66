// SPDX-License-Identifier: MIT
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <thread>

#include "blocked.hpp"
#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

void close_wait(Stage& stage, const Arguments& arguments) { make_close_wait(stage, arguments); }

void established(Stage& stage, const Arguments& arguments) {
    const Server server(arguments);
    const Connection connection = server.establish();
    tell_connections(stage, server, {connection});
    stage.tell("peer_fd", connection.peer);
}

/// The peer has said all it will and goes on reading: a half-close in use, no leak.
void half_close_sender(Stage& stage, const Arguments& arguments) {
    const Server server(arguments);
    const Connection connection = server.establish();
    must(shutdown(connection.peer, SHUT_WR), "shutdown");
    std::array<char, 1> end{};
    if (read(connection.fd, end.data(), end.size()) != 0) fail("read of the FIN");
    tell_connections(stage, server, {connection});
    stage.tell("peer_fd", connection.peer);
    static std::atomic<std::uint64_t> sent{0};
    std::thread([fd = connection.fd] {
        const std::string block(16384, 'x');
        for (;;) {
            const ssize_t size = send(fd, block.data(), block.size(), MSG_NOSIGNAL);
            if (size > 0) {
                sent += static_cast<std::uint64_t>(size);
            } else if (errno == EINTR) {
                count_error("send of a half-closed connection");
            } else {
                return;
            }
        }
    }).detach();
    // A slow reader, so that the Send-Q is above 0 and moves.
    std::thread([fd = connection.peer] {
        std::array<char, 4096> block{};
        while (read(fd, block.data(), block.size()) > 0) poll(nullptr, 0, 1);
    }).detach();
    await([] { return sent > 1 << 17; }, "data on its way");
    stage.answer("sent", [](const std::string&) { return std::to_string(sent.load()); });
}

/// The peer's window is full for good; with block=1 (the default) a thread waits in write(). The
/// last close() waits for linger=SECONDS (SO_LINGER).
void blocked_writer(Stage& stage, const Arguments& arguments) {
    const Server server(arguments);
    const Connection connection = server.establish();
    must(shutdown(connection.peer, SHUT_WR), "shutdown");
    std::array<char, 1> end{};
    if (read(connection.fd, end.data(), end.size()) != 0) fail("read of the FIN");
    fill({connection.fd});
    if (const long seconds = arguments.number("linger", 0); seconds != 0) {
        const linger wanted{1, static_cast<int>(seconds)};
        must(setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &wanted, sizeof wanted), "SO_LINGER");
    }
    tell_connections(stage, server, {connection});
    stage.tell("peer_fd", connection.peer);
    if (arguments.number("block", 1) == 0) return;
    stage.tell("tid", block_in(stage, {"write", SYS_write, [fd = connection.fd] {
                                           const char byte = 'x';
                                           return write(fd, &byte, 1);
                                       }}));
}

/// Clients that left before accept(): inode 0, no holder. group=N listeners share the port.
void backlog(Stage& stage, const Arguments& arguments) {
    const Server server(arguments);
    for (long i = arguments.number("group", 1); i > 1; --i) server.add_listener();
    for (long i = arguments.number("count", 1); i > 0; --i) {
        int peer = server.connect_only();
        if (arguments.number("unread", 0) > 0) {
            const std::string data(static_cast<std::size_t>(arguments.number("unread", 0)), 'x');
            must(send(peer, data.data(), data.size(), MSG_NOSIGNAL), "send");
        }
        shut(peer);
    }
    stage.tell("port", static_cast<int>(server.port()));
    stage.tell("listen_fd", server.fd());
    stage.answer("accept", [fd = server.fd()](const std::string&) {
        return std::to_string(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    });
}

/// The peer has reset the connection, and nobody looks at the fd; `fresh` was never connected, and
/// the connection of `refused` was. `reconnect` (family=v4) makes another connection of it.
void dead(Stage& stage, const Arguments& arguments) {
    const Server server(arguments);
    Connection connection = server.establish();
    const linger reset{1, 0};
    must(setsockopt(connection.peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
    shut(connection.peer);
    await(
        [&connection] {
            pollfd wanted{connection.fd, 0, 0};
            return poll(&wanted, 1, 0) == 1 && (wanted.revents & POLLHUP) != 0;
        },
        "the reset");
    tell_connections(stage, server, {connection});
    const int fresh = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    const int refused = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in nobody{};
    nobody.sin_family = AF_INET;
    nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    nobody.sin_port = htons(1);
    if (connect(refused, reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody) == 0) {
        fail("a refused connection");
    }
    stage.tell("fresh", inode_of(fresh));
    stage.tell("refused", inode_of(refused));
    stage.answer("reconnect", [fd = connection.fd](const std::string&) {
        const Server other(Over::v4);
        sockaddr over{};
        over.sa_family = AF_UNSPEC;
        must(connect(fd, &over, sizeof over), "connect to nobody");
        sockaddr_in there{};
        there.sin_family = AF_INET;
        there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        there.sin_port = htons(other.port());
        must(connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there), "connect");
        return std::string("connected");
    });
}

constexpr std::array table{
    NamedScenario{"dead", dead},
    NamedScenario{"close-wait", close_wait},
    NamedScenario{"established", established},
    NamedScenario{"half-close-sender", half_close_sender},
    NamedScenario{"blocked-writer", blocked_writer},
    NamedScenario{"backlog", backlog},
};

}  // namespace

std::span<const NamedScenario> state_scenarios() { return table; }

}  // namespace victim
