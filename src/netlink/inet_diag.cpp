// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "prefix.hpp"
#include "sock_diag.hpp"
#include "tcp_look.hpp"

namespace unwait::netlink {
namespace {

Endpoint endpoint_of(Family family, const __be32 (&address)[4], __be16 port) {
    Endpoint endpoint;
    endpoint.address.family = family;
    std::memcpy(endpoint.address.bytes.data(), address, family == Family::inet ? 4 : 16);
    endpoint.port = ntohs(port);
    return endpoint;
}

SocketMemory memory_of(std::span<const std::byte> bytes) {
    struct Values {
        std::uint32_t at[SK_MEMINFO_VARS];
    };
    const auto raw = prefix_as<Values>(bytes);
    return {raw.at[SK_MEMINFO_RMEM_ALLOC], raw.at[SK_MEMINFO_RCVBUF], raw.at[SK_MEMINFO_WMEM_ALLOC],
            raw.at[SK_MEMINFO_SNDBUF]};
}

void take_attribute(Socket& socket, unsigned type, std::span<const std::byte> value) {
    // The oldest tcp_info (Linux 2.4) ends after tcpi_advmss and tcpi_reordering.
    constexpr std::size_t least_info = offsetof(tcp_info, tcpi_rcv_rtt);
    constexpr std::size_t least_memory = (SK_MEMINFO_SNDBUF + 1) * sizeof(std::uint32_t);
    if (type == INET_DIAG_INFO && value.size() >= least_info) {
        socket.info = parse_tcp_info(value);
    } else if (type == INET_DIAG_SKMEMINFO && value.size() >= least_memory) {
        socket.memory = memory_of(value);
    } else if (type == INET_DIAG_CGROUP_ID && value.size() >= sizeof(std::uint64_t)) {
        socket.cgroup_id = prefix_as<std::uint64_t>(value);
    } else if (type == INET_DIAG_MARK && value.size() >= sizeof(std::uint32_t)) {
        socket.mark = prefix_as<std::uint32_t>(value);
    }
}

/// False when the bytes are not a sequence of attributes (netlink(7), "struct nlattr").
bool take_attributes(Socket& socket, std::span<const std::byte> bytes) {
    constexpr unsigned type_mask = 0xffffU & ~unsigned{NLA_F_NESTED | NLA_F_NET_BYTEORDER};
    while (!bytes.empty()) {
        if (bytes.size() < sizeof(nlattr)) return false;
        const auto head = prefix_as<nlattr>(bytes);
        if (head.nla_len < sizeof head || head.nla_len > bytes.size()) return false;
        take_attribute(socket, head.nla_type & type_mask,
                       bytes.subspan(sizeof head, head.nla_len - sizeof head));
        constexpr std::size_t alignment = 4;
        const std::size_t step = (head.nla_len + alignment - 1) / alignment * alignment;
        bytes = bytes.subspan(std::min(step, bytes.size()));
    }
    return true;
}

}  // namespace

std::optional<Socket> parse_inet_diag(std::span<const std::byte> payload, std::uint64_t netns) {
    if (payload.size() < sizeof(inet_diag_msg)) return std::nullopt;
    const auto message = prefix_as<inet_diag_msg>(payload);
    if (message.idiag_family != AF_INET && message.idiag_family != AF_INET6) return std::nullopt;
    if (message.idiag_state < static_cast<unsigned>(TcpState::established) ||
        message.idiag_state > static_cast<unsigned>(TcpState::new_syn_recv)) {
        return std::nullopt;
    }
    const auto& id = message.id;
    Socket socket;
    socket.id.inode = message.idiag_inode;
    socket.id.cookie = std::uint64_t{id.idiag_cookie[1]} << 32 | id.idiag_cookie[0];
    socket.id.netns = netns;
    socket.family = message.idiag_family == AF_INET ? Family::inet : Family::inet6;
    socket.state = static_cast<TcpState>(message.idiag_state);
    socket.local = endpoint_of(socket.family, id.idiag_src, id.idiag_sport);
    socket.peer = endpoint_of(socket.family, id.idiag_dst, id.idiag_dport);
    socket.interface = id.idiag_if;
    socket.uid = message.idiag_uid;
    socket.recv_queue = message.idiag_rqueue;
    socket.send_queue = message.idiag_wqueue;
    if (!take_attributes(socket, payload.subspan(sizeof message))) return std::nullopt;
    return socket;
}

}  // namespace unwait::netlink
