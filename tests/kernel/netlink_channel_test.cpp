// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "channel.hpp"
#include "loopback.hpp"

using namespace unwait;
using namespace unwait::testing;
using netlink::Channel;
using netlink::Ending;

namespace {

using Bytes = std::vector<std::byte>;

Bytes dump_request(std::uint8_t family, const Bytes& program = {}) {
    struct {
        nlmsghdr head;
        inet_diag_req_v2 body;
        nlattr attribute;
    } request{};
    const std::size_t fixed = program.empty() ? sizeof request - sizeof(nlattr) : sizeof request;
    request.head.nlmsg_len = static_cast<std::uint32_t>(fixed + program.size());
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = family;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = ~0U;
    request.attribute.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + program.size());
    request.attribute.nla_type = INET_DIAG_REQ_BYTECODE;
    Bytes bytes(fixed);
    std::memcpy(bytes.data(), &request, fixed);
    bytes.insert(bytes.end(), program.begin(), program.end());
    return bytes;
}

std::size_t count_answers(Channel& channel, std::uint8_t family) {
    std::size_t count = 0;
    Bytes request = dump_request(family);
    const Ending ending = channel.exchange(request, "test dump", [&](auto) { ++count; });
    CHECK(ending.error == 0);
    CHECK_FALSE(ending.interrupted);
    return count;
}

/// Port ids of the sock_diag sockets of this network namespace.
std::set<std::uint32_t> sock_diag_ports() {
    std::ifstream table("/proc/thread-self/net/netlink");
    std::string line;
    std::getline(table, line);
    std::set<std::uint32_t> ports;
    for (std::string sk; table >> sk; std::getline(table, line)) {
        int protocol = -1;
        std::int64_t port = 0;
        table >> protocol >> port;
        if (protocol == NETLINK_SOCK_DIAG) ports.insert(static_cast<std::uint32_t>(port));
    }
    return ports;
}

}  // namespace

TEST_CASE("an exchange that was left in the middle does not disturb the next") {
    const Listener listener = listen_on(loopback(Flavour::v4));
    std::vector<Connection> connections;
    for (int i = 0; i < 300; ++i) connections.push_back(connect_pair(listener));  // several reads
    Channel channel = Channel::open(NETLINK_SOCK_DIAG);
    Bytes request = dump_request(AF_INET);
    const auto give_up = [](auto) { throw std::runtime_error("enough"); };
    CHECK_THROWS_AS(channel.exchange(request, "test dump", give_up), std::runtime_error);
    CHECK(count_answers(channel, AF_INET) >= 601);
    CHECK_THROWS_AS(channel.exchange(request, "test dump", give_up), std::runtime_error);
    count_answers(channel, AF_INET6);
}

TEST_CASE("what the kernel refuses is the ending's errno") {
    Channel channel = Channel::open(NETLINK_SOCK_DIAG);
    const auto none = [](auto) { FAIL("an answer to a request that is wrong"); };
    Bytes unknown_family = dump_request(AF_MAX - 1);
    const int unknown = channel.exchange(unknown_family, "test dump", none).error;
    CHECK((unknown == ENOENT || unknown == EINVAL));  // older kernels: EINVAL
    const Bytes no_program(sizeof(inet_diag_bc_op), std::byte{0xff});
    Bytes wrong_program = dump_request(AF_INET, no_program);
    CHECK(channel.exchange(wrong_program, "test dump", none).error == EINVAL);
    const Listener listener = listen_on(loopback(Flavour::v4));
    CHECK(count_answers(channel, AF_INET) > 0);
}

TEST_CASE("nobody but the kernel can put an answer in") {
    const std::set<std::uint32_t> before = sock_diag_ports();
    Channel channel = Channel::open(NETLINK_SOCK_DIAG);
    std::set<std::uint32_t> opened = sock_diag_ports();
    std::erase_if(opened, [&](std::uint32_t port) { return before.contains(port); });
    REQUIRE_FALSE(opened.empty());  // other programs may have opened some at the same time
    const sys::Fd forger(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    REQUIRE(forger);
    for (const std::uint32_t port : opened) {
        sockaddr_nl to{};
        to.nl_family = AF_NETLINK;
        to.nl_pid = port;
        nlmsghdr forged{};
        forged.nlmsg_len = sizeof forged;
        forged.nlmsg_type = NLMSG_DONE;
        CHECK(::sendto(forger.get(), &forged, sizeof forged, 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof to) == -1);
        CHECK(errno == ECONNREFUSED);
    }
    count_answers(channel, AF_INET);
}

TEST_CASE("more answers than the socket has room for are said to be missing") {
    constexpr std::size_t asked = 2'500;
    Channel channel = Channel::open(NETLINK_SOCK_DIAG);
    Bytes requests;
    for (std::size_t i = 0; i < asked; ++i) {
        // The endpoints and the cookie of no socket.
        Bytes one = dump_request(AF_INET);
        nlmsghdr head;
        std::memcpy(&head, one.data(), sizeof head);
        head.nlmsg_flags = NLM_F_REQUEST;
        std::memcpy(one.data(), &head, sizeof head);
        requests.insert(requests.end(), one.begin(), one.end());
    }
    std::size_t taken = 0;
    const auto take = [&taken](int error, std::span<const std::byte> payload) {
        CHECK(error == ENOENT);
        CHECK(payload.empty());
        ++taken;
    };
    const std::size_t answered = channel.exchange_each(requests, "test look-up", take);
    CHECK(answered == taken);
    CHECK(answered < asked);
    requests.resize(requests.size() / asked * 3);
    CHECK(channel.exchange_each(requests, "test look-up", take) == 3);
    count_answers(channel, AF_INET6);
}
