// SPDX-License-Identifier: MIT
#include "tcp_look.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "prefix.hpp"

namespace unwait::netlink {

TcpInfo parse_tcp_info(std::span<const std::byte> bytes) {
    const auto raw = prefix_as<tcp_info>(bytes);
    TcpInfo info;
    info.last_data_sent_ms = raw.tcpi_last_data_sent;
    info.last_data_recv_ms = raw.tcpi_last_data_recv;
    info.last_ack_recv_ms = raw.tcpi_last_ack_recv;
    info.rtt_us = raw.tcpi_rtt;
    info.unacked = raw.tcpi_unacked;
    info.backoff = raw.tcpi_backoff;
    info.bytes_acked = raw.tcpi_bytes_acked;
    info.bytes_received = raw.tcpi_bytes_received;
    info.bytes_sent = raw.tcpi_bytes_sent;
    return info;
}

std::optional<TcpLook> look_through(int fd) {
    tcp_info raw{};
    socklen_t size = sizeof raw;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &raw, &size) != 0) return std::nullopt;
    return TcpLook{static_cast<TcpState>(raw.tcpi_state),
                   parse_tcp_info(std::as_bytes(std::span(&raw, 1)).first(size))};
}

}  // namespace unwait::netlink
