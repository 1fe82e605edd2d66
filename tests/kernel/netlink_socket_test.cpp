// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

#include "loopback.hpp"
#include "sock_diag.hpp"
#include "tcp_look.hpp"
#include "unwait/error.hpp"

using namespace unwait;
using namespace unwait::testing;
using netlink::Destroyed;
using netlink::DumpRequest;
using netlink::SockDiag;

namespace {

constexpr std::array flavours{Flavour::v4, Flavour::v6, Flavour::v4_mapped};

std::vector<Socket> at_port(SockDiag& diag, std::uint16_t port, StateMask states) {
    DumpRequest request;
    request.states = states;
    request.ports = {{PortRange{port, port}}};
    return diag.dump(request).sockets;
}

Socket only_one(SockDiag& diag, const Listener& listener, TcpState state) {
    const auto found = at_port(diag, listener.endpoint.port, mask_of(state));
    REQUIRE(found.size() == 1);
    return found.front();
}

/// What changes by itself between two looks, cleared.
Socket without_clocks(Socket socket) {
    if (socket.info) {
        socket.info->last_ack_recv_ms = 0;
        socket.info->last_data_recv_ms = 0;
        socket.info->last_data_sent_ms = 0;
    }
    return socket;
}

int pending_error(const sys::Fd& fd) {
    int error = 0;
    socklen_t size = sizeof error;
    REQUIRE(::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0);
    return error;
}

/// What destroy() answers to a process of user nobody, as the exit status of a child.
int destroy_as_nobody(const Socket& socket) {
    constexpr uid_t nobody = 65534;
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            if (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0) {
                ::_exit(101);
            }
            ::_exit(static_cast<int>(SockDiag::open().destroy(socket)));
        } catch (const std::exception&) {
            ::_exit(102);
        }
    }
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("get finds exactly the socket that a dump showed") {
    SockDiag diag = SockDiag::open();
    for (const Flavour flavour : flavours) {
        CAPTURE(static_cast<int>(flavour));
        const Listener listener = listen_on(loopback(flavour));
        const Connection connection = connect_pair(listener);
        leave(connection, "x");
        const Socket socket = only_one(diag, listener, TcpState::close_wait);
        const auto again = diag.get(socket);
        REQUIRE(again);
        CHECK(without_clocks(*again) == without_clocks(socket));
    }
}

TEST_CASE("get finds a connection between v4-mapped addresses when only one end is inet6") {
    SockDiag diag = SockDiag::open();
    const Listener listener = listen_on(address("::"));
    Connection connection;
    connection.client = connect_to({loopback(Flavour::v4), listener.endpoint.port});
    connection.server = accept_from(listener);
    leave(connection);
    const Socket socket = only_one(diag, listener, TcpState::close_wait);
    CHECK(socket.family == Family::inet6);
    CHECK(socket.local.address == loopback(Flavour::v4_mapped));
    const auto again = diag.get(socket);
    REQUIRE(again);
    CHECK(again->id == socket.id);
    CHECK(diag.destroy(socket) == Destroyed::done);
    CHECK_FALSE(diag.get(socket));
}

TEST_CASE("a socket that was closed is absent") {
    SockDiag diag = SockDiag::open();
    for (const Flavour flavour : flavours) {
        CAPTURE(static_cast<int>(flavour));
        const Listener listener = listen_on(loopback(flavour));
        Connection connection = connect_pair(listener);
        leave(connection);
        const Socket socket = only_one(diag, listener, TcpState::close_wait);
        connection.server.reset();  // LAST-ACK, until the client's kernel side has acknowledged
        CHECK(eventually([&] { return !diag.get(socket); }));
        CHECK(diag.destroy(socket) == Destroyed::gone);
    }
}

TEST_CASE("many are found at once, each in its place") {
    constexpr std::size_t many = 100;  // more than are asked for in one request
    SockDiag diag = SockDiag::open();
    const Listener listener = listen_on(loopback(Flavour::v4));
    std::vector<Connection> connections;
    for (std::size_t i = 0; i < many; ++i) {
        connections.push_back(connect_pair(listener));
        leave(connections.back());
    }
    auto sockets = at_port(diag, listener.endpoint.port, mask_of(TcpState::close_wait));
    REQUIRE(sockets.size() == many);
    const auto is_changed = [](std::size_t at) { return at % 7 == 3; };
    std::vector<const Socket*> asked;
    for (std::size_t at = 0; at < many; ++at) {
        if (is_changed(at)) sockets[at].id.cookie = at % 2 == 0 ? 1 : ~std::uint64_t{0};
        asked.push_back(&sockets[at]);
    }
    const auto found = diag.get_each(asked);
    REQUIRE(found.size() == many);
    for (std::size_t at = 0; at < many; ++at) {
        CAPTURE(at);
        REQUIRE(found[at].has_value() != is_changed(at));
        if (found[at]) CHECK(without_clocks(*found[at]) == without_clocks(sockets[at]));
    }
    CHECK(diag.get_each({}).empty());
}

TEST_CASE("a look through an fd tells what a look-up does") {
    SockDiag diag = SockDiag::open();
    const Listener listener = listen_on(loopback(Flavour::v4));
    const Connection connection = connect_pair(listener);
    leave(connection, "xyz");
    const Socket socket = only_one(diag, listener, TcpState::close_wait);
    const auto look = netlink::look_through(connection.server.get());
    REQUIRE(look);
    CHECK(look->state == TcpState::close_wait);
    REQUIRE(look->info);
    CHECK(look->info->bytes_received == socket.info->bytes_received);
    CHECK(look->info->bytes_acked == socket.info->bytes_acked);
    CHECK(look->info->rtt_us == socket.info->rtt_us);
    const sys::Fd no_tcp(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_FALSE(netlink::look_through(no_tcp.get()));
}

TEST_CASE("a socket with another cookie is another socket") {
    SockDiag diag = SockDiag::open();
    const Listener listener = listen_on(loopback(Flavour::v4));
    const Connection connection = connect_pair(listener);
    leave(connection);
    const Socket socket = only_one(diag, listener, TcpState::close_wait);
    // All ones is INET_DIAG_NOCOOKIE, which the kernel takes for "any".
    for (const std::uint64_t cookie : {socket.id.cookie + 1, std::uint64_t{0}, ~std::uint64_t{0}}) {
        CAPTURE(cookie);
        Socket other = socket;
        other.id.cookie = cookie;
        CHECK_FALSE(diag.get(other));
        CHECK(diag.destroy(other) == Destroyed::gone);
    }
    CHECK(diag.get(socket));
}

TEST_CASE("get follows a socket into TIME-WAIT, which has no tcp_info and no inode") {
    SockDiag diag = SockDiag::open();
    const Listener listener = listen_on(loopback(Flavour::v4));
    Connection connection = connect_pair(listener);
    const Socket before = only_one(diag, listener, TcpState::established);
    REQUIRE(::shutdown(connection.server.get(), SHUT_WR) == 0);
    connection.server.reset();
    connection.client.reset();
    REQUIRE(eventually([&] {
        const auto now = diag.get(before);
        return now && now->state == TcpState::time_wait;
    }));
    const auto waiting = diag.get(before);
    REQUIRE(waiting);
    CHECK(waiting->id.cookie == before.id.cookie);
    CHECK(waiting->id.inode == 0);
    CHECK_FALSE(waiting->info);
    CHECK_FALSE(waiting->memory);
}

TEST_CASE("listeners are looked up one by one, even those that share a port") {
    SockDiag diag = SockDiag::open();
    for (const Flavour flavour : flavours) {
        CAPTURE(static_cast<int>(flavour));
        const Listener first = listen_on(loopback(flavour), 0, Sharing::port);
        std::vector<Listener> group;
        for (int i = 0; i < 4; ++i) {
            group.push_back(listen_on(loopback(flavour), first.endpoint.port, Sharing::port));
        }
        const auto found = at_port(diag, first.endpoint.port, mask_of(TcpState::listening));
        REQUIRE(found.size() == 5);
        for (const Socket& socket : found) {
            const auto again = diag.get(socket);
            REQUIRE(again);
            CHECK(again->id == socket.id);
        }
    }
}

TEST_CASE("destroy never calls a listener gone that still listens") {
    SockDiag diag = SockDiag::open();
    std::vector<Listener> group;
    group.push_back(listen_on(loopback(Flavour::v4), 0, Sharing::port));
    const std::uint16_t port = group.front().endpoint.port;
    for (int i = 0; i < 4; ++i) {
        group.push_back(listen_on(loopback(Flavour::v4), port, Sharing::port));
    }
    std::size_t destroyed = 0;
    for (const Socket& socket : at_port(diag, port, mask_of(TcpState::listening))) {
        try {
            const Destroyed result = diag.destroy(socket);  // CHECK would keep the Error
            CHECK(result == Destroyed::done);
            CHECK_FALSE(diag.get(socket));
            ++destroyed;
        } catch (const Error& error) {
            CHECK(error.number() == ENOENT);
            CHECK(diag.get(socket));
        }
    }
    CHECK(destroyed >= 1);
    CHECK(at_port(diag, port, mask_of(TcpState::listening)).size() == group.size() - destroyed);
}

TEST_CASE("destroy ends the socket under its holder, once") {
    SockDiag diag = SockDiag::open();
    for (const Flavour flavour : flavours) {
        CAPTURE(static_cast<int>(flavour));
        const Listener listener = listen_on(loopback(flavour));
        const Connection connection = connect_pair(listener);
        const Connection bystander = connect_pair(listener);
        leave(connection);
        const Socket socket = only_one(diag, listener, TcpState::close_wait);
        CHECK(diag.destroy(socket) == Destroyed::done);
        CHECK_FALSE(diag.get(socket));
        CHECK(diag.destroy(socket) == Destroyed::gone);
        char byte = 0;
        CHECK(pending_error(connection.server) == ECONNABORTED);
        CHECK(pending_error(bystander.server) == 0);
        CHECK(::send(bystander.client.get(), "y", 1, 0) == 1);
        CHECK(::recv(bystander.server.get(), &byte, 1, 0) == 1);
        CHECK(byte == 'y');
    }
}

TEST_CASE("destroy removes a connection that nobody accepted") {
    SockDiag diag = SockDiag::open();
    const Listener listener = listen_on(loopback(Flavour::v6));
    const sys::Fd client = connect_to(listener.endpoint);
    REQUIRE(::shutdown(client.get(), SHUT_WR) == 0);
    const std::uint16_t port = listener.endpoint.port;
    REQUIRE(
        eventually([&] { return at_port(diag, port, mask_of(TcpState::close_wait)).size() == 1; }));
    const Socket socket = only_one(diag, listener, TcpState::close_wait);
    CHECK(diag.destroy(socket) == Destroyed::done);
    CHECK_FALSE(diag.get(socket));
    CHECK(only_one(diag, listener, TcpState::listening).recv_queue == 1);
}

TEST_CASE("without CAP_NET_ADMIN sockets are seen but not destroyed") {
    REQUIRE(::geteuid() == 0);
    SockDiag diag = SockDiag::open();
    const Listener listener = listen_on(loopback(Flavour::v4));
    const Connection connection = connect_pair(listener);
    leave(connection);
    const Socket socket = only_one(diag, listener, TcpState::close_wait);
    CHECK(destroy_as_nobody(socket) == static_cast<int>(Destroyed::not_permitted));
    CHECK(diag.get(socket));
    Socket gone = socket;
    ++gone.id.cookie;
    CHECK(destroy_as_nobody(gone) == static_cast<int>(Destroyed::gone));
}
