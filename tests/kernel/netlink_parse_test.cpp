// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "sock_diag.hpp"

using namespace unwait;
using netlink::parse_inet_diag;

namespace {

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& bytes, const T& value) {
    const auto raw = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
}

inet_diag_msg message() {
    inet_diag_msg result{};
    result.idiag_family = AF_INET;
    result.idiag_state = 8;
    result.id.idiag_sport = htons(8080);
    result.id.idiag_dport = htons(50123);
    result.id.idiag_src[0] = htonl(0x7f000001);
    result.id.idiag_dst[0] = htonl(0x0a010203);
    result.id.idiag_cookie[0] = 0x89abcdef;
    result.id.idiag_cookie[1] = 0x01234567;
    result.idiag_inode = 4711;
    return result;
}

template <typename T>
void append_attribute(Bytes& bytes, std::uint16_t type, const T& value, std::size_t length) {
    nlattr head{};
    head.nla_type = type;
    head.nla_len = static_cast<std::uint16_t>(sizeof head + length);
    append(bytes, head);
    Bytes raw;
    append(raw, value);
    raw.resize((length + 3) / 4 * 4);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
}

tcp_info info() {
    tcp_info result{};
    result.tcpi_last_ack_recv = 1234;
    result.tcpi_bytes_sent = 99;
    return result;
}

Bytes plain() {
    Bytes bytes;
    append(bytes, message());
    return bytes;
}

}  // namespace

TEST_CASE("a message without attributes is a socket without figures") {
    const auto socket = parse_inet_diag(plain(), 17);
    REQUIRE(socket);
    CHECK(socket->id == SocketId{4711, 0x0123456789abcdef, 17});
    CHECK(socket->state == TcpState::close_wait);
    CHECK(socket->local.port == 8080);
    CHECK(socket->peer.address.bytes == decltype(Address::bytes){10, 1, 2, 3});
    CHECK_FALSE(socket->info);
    CHECK_FALSE(socket->memory);
    CHECK_FALSE(socket->cgroup_id);
}

TEST_CASE("a tcp_info may be shorter or longer than the one known here") {
    Bytes older = plain();
    append_attribute(older, INET_DIAG_INFO, info(), offsetof(tcp_info, tcpi_bytes_sent));
    REQUIRE(parse_inet_diag(older, 0)->info);
    CHECK(parse_inet_diag(older, 0)->info->last_ack_recv_ms == 1234);
    CHECK(parse_inet_diag(older, 0)->info->bytes_sent == 0);

    Bytes newer = plain();
    append_attribute(newer, INET_DIAG_INFO, info(), sizeof(tcp_info) + 40);
    REQUIRE(parse_inet_diag(newer, 0)->info);
    CHECK(parse_inet_diag(newer, 0)->info->bytes_sent == 99);

    Bytes useless = plain();
    append_attribute(useless, INET_DIAG_INFO, info(), 8);
    REQUIRE(parse_inet_diag(useless, 0));
    CHECK_FALSE(parse_inet_diag(useless, 0)->info);
}

TEST_CASE("bytes that are no inet_diag_msg are none") {
    Bytes bytes = plain();
    bytes.pop_back();
    CHECK_FALSE(parse_inet_diag(bytes, 0));
    CHECK_FALSE(parse_inet_diag({}, 0));
    for (const int family : {AF_UNSPEC, AF_UNIX, 255}) {
        inet_diag_msg foreign = message();
        foreign.idiag_family = static_cast<std::uint8_t>(family);
        CHECK_FALSE(parse_inet_diag(std::as_bytes(std::span(&foreign, 1)), 0));
    }
    for (const int state : {0, 13, 255}) {
        inet_diag_msg foreign = message();
        foreign.idiag_state = static_cast<std::uint8_t>(state);
        CHECK_FALSE(parse_inet_diag(std::as_bytes(std::span(&foreign, 1)), 0));
    }
}

TEST_CASE("an attribute that claims too little or too much spoils the message") {
    for (const int length : {0, 3, 9, 65535}) {
        CAPTURE(length);
        Bytes bytes = plain();
        append_attribute(bytes, INET_DIAG_SHUTDOWN, std::uint32_t{0}, 4);
        const auto claimed = static_cast<std::uint16_t>(length);
        std::memcpy(bytes.data() + sizeof(inet_diag_msg), &claimed, sizeof claimed);
        CHECK_FALSE(parse_inet_diag(bytes, 0));
    }
}
