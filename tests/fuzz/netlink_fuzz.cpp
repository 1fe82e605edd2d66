// SPDX-License-Identifier: MIT
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sock_diag.hpp"

using namespace unwait;

namespace {

bool is_plain(const Endpoint& endpoint, Family family) {
    const auto tail = std::span(endpoint.address.bytes).subspan(4);
    bool zeroed = true;
    for (const std::uint8_t byte : tail) zeroed = zeroed && byte == 0;
    return endpoint.address.family == family && (family == Family::inet6 || zeroed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint64_t netns = 4026531840;
    const auto payload = std::as_bytes(std::span(data, size));
    const auto socket = netlink::parse_inet_diag(payload, netns);
    if (!socket) return 0;
    assert(socket->id.netns == netns);
    assert(socket->state >= TcpState::established && socket->state <= TcpState::new_syn_recv);
    assert(is_plain(socket->local, socket->family) && is_plain(socket->peer, socket->family));

    // An attribute that nobody knows yet, after all others, must change nothing.
    if (size % 4 != 0) return 0;
    constexpr std::array<std::uint8_t, 8> unknown{5, 0, 0xff, 0x3f, 0xaa, 0, 0, 0};
    std::vector<std::uint8_t> longer(data, data + size);
    longer.insert(longer.end(), unknown.begin(), unknown.end());
    assert(netlink::parse_inet_diag(std::as_bytes(std::span(longer)), netns) == socket);
    return 0;
}
