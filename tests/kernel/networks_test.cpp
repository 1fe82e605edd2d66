// SPDX-License-Identifier: MIT
#include "networks.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "file_identity.hpp"
#include "loopback.hpp"
#include "network.hpp"
#include "network_namespaces.hpp"
#include "unwait/error.hpp"

using namespace unwait;
using namespace unwait::testing;

namespace {

sys::Fd own_network() { return sys::Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }

bool is_found(proc::Search search, std::uint64_t inode) {
    return std::ranges::any_of(proc::find_network_namespaces(search).found,
                               [inode](const auto& network) { return network.inode == inode; });
}

/// A listener in a network namespace that no process is in: of a thread, until that ends.
struct ElsewhereSocket {
    Socket socket;
    std::string thread;  ///< below /proc
    sys::Fd listener;
};

ElsewhereSocket open_elsewhere() {
    ElsewhereSocket opened;
    Listener listener = listen_on(address("127.0.0.1"));
    opened.socket =
        netlink::SockDiag::open().dump({.states = mask_of(TcpState::listening)}).sockets.front();
    opened.thread = "/proc/" + std::to_string(::getpid()) + "/task/" + std::to_string(::gettid());
    opened.listener = std::move(listener.fd);
    return opened;
}

}  // namespace

TEST_CASE("a network namespace of a single thread is found, and asked from another") {
    std::promise<ElsewhereSocket> opened;
    std::promise<void> asked;
    std::thread elsewhere([&] {
        in_own_network([&] {
            opened.set_value(open_elsewhere());
            asked.get_future().wait();
        });
    });
    const ElsewhereSocket there = opened.get_future().get();
    const std::uint64_t inode = there.socket.id.netns;
    CHECK(inode != sys::inode_of(own_network().get()));
    CHECK_FALSE(is_found(proc::Search::processes, inode));
    CHECK(is_found(proc::Search::everywhere, inode));
    CHECK(is_found(proc::Search::processes, sys::inode_of(own_network().get())));

    Networks networks;
    const auto found = networks.get(there.socket);
    CHECK(found == there.socket);
    Socket other = there.socket;
    ++other.id.cookie;
    CHECK_FALSE(networks.get(other));
    CHECK(networks.destroy(there.socket) == netlink::Destroyed::done);
    CHECK_FALSE(networks.get(there.socket));
    asked.set_value();
    elsewhere.join();
}

TEST_CASE("a network namespace that has gone has no sockets") {
    Socket socket;
    in_own_network([&] { socket = open_elsewhere().socket; });
    const auto is_gone = [&] { return !is_found(proc::Search::everywhere, socket.id.netns); };
    REQUIRE(eventually(is_gone));
    Networks networks;
    CHECK_FALSE(networks.get(socket));
    CHECK(networks.destroy(socket) == netlink::Destroyed::gone);
}

TEST_CASE("a network namespace that only a descriptor keeps is found by it") {
    sys::Fd kept;
    in_own_network([&] { kept = own_network(); });
    const std::uint64_t inode = sys::inode_of(kept.get());
    REQUIRE(eventually([&] { return !is_found(proc::Search::processes, inode); }));
    CHECK(is_found(proc::Search::everywhere, inode));
    kept.reset();
    CHECK(eventually([&] { return !is_found(proc::Search::everywhere, inode); }));
}

TEST_CASE("a file is opened as the network namespace that is meant, or not at all") {
    const std::string path = "/proc/" + std::to_string(::getpid()) + "/ns/net";
    const std::uint64_t inode = sys::inode_of(own_network().get());
    CHECK(proc::open_network_namespace(path));
    CHECK(proc::open_network_namespace(path, inode));
    CHECK_FALSE(proc::open_network_namespace(path, inode + 1));
    CHECK_FALSE(proc::open_network_namespace("/proc/self/ns/mnt"));
    CHECK_FALSE(proc::open_network_namespace("/dev/null"));
    CHECK_FALSE(proc::open_network_namespace("/no/such/file"));
    proc::NetworkPaths gone_and_there;
    gone_and_there.inode = inode;
    gone_and_there.paths = {"/proc/0/ns/net", "/dev/null", path};
    CHECK(proc::open_network_namespace(gone_and_there));
}

TEST_CASE("a thread that enters a network namespace leaves us where we are") {
    sys::Fd there;
    in_own_network([&] { there = own_network(); });
    const std::uint64_t before = sys::inode_of(own_network().get());
    std::uint64_t inside = 0;
    sys::in_network(there.get(), [&] { inside = sys::inode_of(own_network().get()); });
    CHECK(inside == sys::inode_of(there.get()));
    CHECK(sys::inode_of(own_network().get()) == before);
    CHECK_THROWS_AS(sys::in_network(there.get(), [] { throw Error(EIO, "a test"); }), Error);
    const sys::Fd no_network(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK_THROWS_WITH_AS(sys::in_network(no_network.get(), [] {}), doctest::Contains("setns"),
                         Error);
}
