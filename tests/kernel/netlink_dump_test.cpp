// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "fd_limit.hpp"
#include "loopback.hpp"
#include "sock_diag.hpp"

using namespace unwait;
using namespace unwait::testing;
using netlink::DumpRequest;
using netlink::SockDiag;

namespace {

constexpr StateMask close_wait = mask_of(TcpState::close_wait);
constexpr std::array flavours{Flavour::v4, Flavour::v6, Flavour::v4_mapped};

std::vector<Socket> at_port(std::uint16_t port, StateMask states) {
    DumpRequest request;
    request.states = states;
    request.ports = {{PortRange{port, port}}};
    return SockDiag::open().dump(request).sockets;
}

}  // namespace

TEST_CASE("a socket in CLOSE-WAIT is found with its identity, endpoints and figures") {
    for (const Flavour flavour : flavours) {
        CAPTURE(static_cast<int>(flavour));
        const Listener listener = listen_on(loopback(flavour));
        const Connection connection = connect_pair(listener);
        leave(connection, "hello");
        const auto found = at_port(listener.endpoint.port, close_wait);
        REQUIRE(found.size() == 1);
        const Socket& socket = found.front();
        CHECK(socket.id.inode == unwait::testing::inode_of(connection.server));
        CHECK(socket.id.cookie == cookie_of(connection.server));
        CHECK(socket.id.netns == SockDiag::open().netns());
        CHECK(socket.state == TcpState::close_wait);
        CHECK(socket.family == (flavour == Flavour::v4 ? Family::inet : Family::inet6));
        CHECK(socket.local == local_of(connection.server));
        CHECK(socket.peer == peer_of(connection.server));
        CHECK(socket.interface == 0);
        CHECK(socket.uid == ::getuid());
        CHECK(socket.recv_queue == 6);
        CHECK(socket.send_queue == 0);
        CHECK(socket.cgroup_id.value_or(0) != 0);
        REQUIRE(socket.info);
        CHECK(socket.info->bytes_received == 6);  // tcp_info counts the FIN
        CHECK(socket.info->last_ack_recv_ms < 60'000);
        REQUIRE(socket.memory);
        CHECK(socket.memory->receive > 0);
        CHECK(socket.memory->receive_limit > socket.memory->receive);
        CHECK(socket.memory->send_limit > 0);
    }
}

TEST_CASE("Recv-Q counts an unread FIN as one byte") {
    const Listener listener = listen_on(loopback(Flavour::v4));
    const auto recv_queue = [&] {
        const auto found = at_port(listener.endpoint.port, close_wait);
        REQUIRE(found.size() == 1);
        return found.front().recv_queue;
    };
    const Connection connection = connect_pair(listener);
    leave(connection, "abc");
    std::array<char, 16> buffer{};
    CHECK(recv_queue() == 4);
    REQUIRE(::recv(connection.server.get(), buffer.data(), 1, 0) == 1);
    CHECK(recv_queue() == 3);
    REQUIRE(::recv(connection.server.get(), buffer.data(), 2, 0) == 2);
    CHECK(recv_queue() <= 1);  // the FIN may have come with the data
    REQUIRE(::recv(connection.server.get(), buffer.data(), buffer.size(), 0) == 0);
    CHECK(recv_queue() == 0);
}

TEST_CASE("a FIN alone is one unread byte") {
    const Listener listener = listen_on(loopback(Flavour::v6));
    const Connection connection = connect_pair(listener);
    leave(connection);
    const auto found = at_port(listener.endpoint.port, close_wait);
    REQUIRE(found.size() == 1);
    CHECK(found.front().recv_queue == 1);
    CHECK(unread_bytes(found.front()) == 0);
}

TEST_CASE("connections that wait for accept() have no inode and show in the listener's queue") {
    for (const Flavour flavour : flavours) {
        CAPTURE(static_cast<int>(flavour));
        const Listener listener = listen_on(loopback(flavour));
        const std::uint16_t port = listener.endpoint.port;
        std::vector<sys::Fd> clients;
        for (int i = 0; i < 3; ++i) {
            clients.push_back(connect_to(listener.endpoint));
            REQUIRE(::shutdown(clients.back().get(), SHUT_WR) == 0);
        }
        REQUIRE(eventually([&] { return at_port(port, close_wait).size() == 3; }));
        for (const Socket& socket : at_port(port, close_wait)) {
            CHECK(socket.id.inode == 0);
            CHECK(socket.id.cookie != 0);
        }
        const auto listeners = at_port(port, mask_of(TcpState::listening));
        REQUIRE(listeners.size() == 1);
        CHECK(listeners.front().id.cookie == cookie_of(listener.fd));
        CHECK(listeners.front().recv_queue == 3);
        CHECK(listeners.front().send_queue == 4096);
    }
}

TEST_CASE("only the states of the mask are sent") {
    // Elsewhere a port may be found in TIME-WAIT, from whoever had it before.
    in_own_network([] {
        const Listener listener = listen_on(loopback(Flavour::v4));
        const Connection left = connect_pair(listener);
        leave(left);
        const Connection alive = connect_pair(listener);
        const std::uint16_t port = listener.endpoint.port;
        const auto cookies = [&](StateMask states) {
            std::vector<std::uint64_t> result;
            for (const Socket& socket : at_port(port, states)) result.push_back(socket.id.cookie);
            return result;
        };
        using Cookies = std::vector<std::uint64_t>;
        CHECK(cookies(close_wait) == Cookies{cookie_of(left.server)});
        CHECK(cookies(mask_of(TcpState::established)) == Cookies{cookie_of(alive.server)});
        CHECK(cookies(mask_of(TcpState::listening)) == Cookies{cookie_of(listener.fd)});
        CHECK(cookies(close_wait | mask_of(TcpState::established)).size() == 2);
        CHECK(cookies(0).empty());
        CHECK(cookies(~StateMask{0}).size() == 3);
    });
}

TEST_CASE("a dump is ordered by local, peer, cookie and has no doubles") {
    // Elsewhere a port may be found in TIME-WAIT, from whoever had it before.
    in_own_network([] {
        const std::array listeners{listen_on(loopback(Flavour::v6)),
                                   listen_on(loopback(Flavour::v4)),
                                   listen_on(loopback(Flavour::v4_mapped))};
        std::vector<Connection> connections;
        DumpRequest request;
        request.states = ~StateMask{0};
        request.ports.emplace_back();
        for (const Listener& listener : listeners) {
            for (int i = 0; i < 20; ++i) connections.push_back(connect_pair(listener));
            request.ports[0].push_back({listener.endpoint.port, listener.endpoint.port});
        }
        const netlink::SockDiag::Dump dump = SockDiag::open().dump(request);
        CHECK_FALSE(dump.interrupted);
        CHECK(dump.sockets.size() == 63);
        const auto key = [](const Socket& socket) {
            return std::tie(socket.local, socket.peer, socket.id.cookie);
        };
        CHECK(std::ranges::is_sorted(dump.sockets, {}, key));
        CHECK(std::ranges::adjacent_find(dump.sockets, {}, key) == dump.sockets.end());
    });
}

TEST_CASE("many sockets arrive complete") {
    constexpr std::size_t count = 8000;
    REQUIRE(sys::raise_fd_limit() > count);
    // What remains of so many connections would take the place of others in TIME-WAIT.
    in_own_network([] {
        const Listener listener = listen_on(address("127.0.0.1"));
        std::vector<Connection> connections;
        std::vector<std::uint64_t> expected;
        for (std::size_t i = 0; i < count; ++i) {
            connections.push_back(connect_pair(listener));
            leave(connections.back());
            expected.push_back(cookie_of(connections.back().server));
        }
        std::vector<std::uint64_t> actual;
        for (const Socket& socket : at_port(listener.endpoint.port, close_wait)) {
            actual.push_back(socket.id.cookie);
        }
        std::ranges::sort(expected);
        std::ranges::sort(actual);
        CHECK(actual == expected);
    });
}

TEST_CASE("the namespace is the one it was opened in, whatever the thread does later") {
    const Listener listener = listen_on(loopback(Flavour::v4));
    DumpRequest request;
    request.states = mask_of(TcpState::listening);
    std::thread([&] {
        SockDiag here = SockDiag::open();
        REQUIRE(::unshare(CLONE_NEWNET) == 0);
        SockDiag there = SockDiag::open();
        CHECK(here.netns() != there.netns());
        CHECK(there.dump(request).sockets.empty());
        CHECK_FALSE(here.dump(request).sockets.empty());
        CHECK(here.dump(request).sockets.front().id.netns == here.netns());
    }).join();
}
