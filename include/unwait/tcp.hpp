// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>

namespace unwait {

/// TCP states with the kernel's numbers (linux/net/tcp_states.h), named in ss(8)'s spelling.
/// `closed` also stands for "the kernel no longer has such a socket" (RFC 9293, 3.3.2).
enum class TcpState : std::uint8_t {
    established = 1,
    syn_sent,
    syn_recv,
    fin_wait_1,
    fin_wait_2,
    time_wait,
    closed,
    close_wait,
    last_ack,
    listening,
    closing,
    new_syn_recv,
};

/// A set of TcpState: bit N is the state with kernel number N, as sock_diag(7) idiag_states.
using StateMask = std::uint32_t;

constexpr StateMask mask_of(TcpState state) noexcept {
    return StateMask{1} << static_cast<unsigned>(state);
}

/// In a StateMask, closed sockets that an fd still leads to: they were connected once. No state has
/// the kernel number 0, and none of the words for states includes these.
inline constexpr StateMask dead_sockets = 1;

enum class Family : std::uint8_t { inet, inet6 };

/// An IP address; an inet address uses the first four bytes. Network byte order.
struct Address {
    Family family = Family::inet;
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const Address&) const = default;
};

struct Endpoint {
    Address address;
    std::uint16_t port = 0;  ///< host byte order

    auto operator<=>(const Endpoint&) const = default;
};

/// What identifies a socket for as long as the machine is up.
struct SocketId {
    std::uint64_t inode = 0;   ///< sockfs inode, 0 while no file belongs to it (listen() backlog)
    std::uint64_t cookie = 0;  ///< SO_COOKIE; never used twice before a reboot
    std::uint64_t netns = 0;   ///< inode of the network namespace (/proc/PID/ns/net)

    auto operator<=>(const SocketId&) const = default;
};

/// The part of struct tcp_info (linux/tcp.h) that tells whether a connection still lives.
struct TcpInfo {
    std::uint32_t last_data_sent_ms = 0;
    std::uint32_t last_data_recv_ms = 0;  ///< meaningless before the first data
    std::uint32_t last_ack_recv_ms = 0;   ///< since the last packet from the peer
    std::uint32_t rtt_us = 0;
    std::uint32_t unacked = 0;  ///< segments in flight
    std::uint8_t backoff = 0;   ///< doublings of the retransmit or window-probe timer
    std::uint64_t bytes_acked = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;  ///< since Linux 4.19, else 0

    bool operator==(const TcpInfo&) const = default;
};

/// Memory of a socket, from INET_DIAG_SKMEMINFO (ss -m). Bytes.
struct SocketMemory {
    std::uint32_t receive = 0;        ///< rmem_alloc
    std::uint32_t receive_limit = 0;  ///< rcvbuf
    std::uint32_t send = 0;           ///< wmem_alloc
    std::uint32_t send_limit = 0;     ///< sndbuf

    bool operator==(const SocketMemory&) const = default;
};

/// One TCP socket as a sock_diag(7) answer describes it.
struct Socket {
    SocketId id;
    Family family = Family::inet;  ///< of the socket; an inet6 socket may carry ::ffff:a.b.c.d
    TcpState state = TcpState::closed;
    Endpoint local;
    Endpoint peer;
    std::uint32_t interface = 0;             ///< bound device index, 0 for any
    std::uint32_t uid = 0;                   ///< owner of the socket's file
    std::uint32_t recv_queue = 0;            ///< Recv-Q: unread bytes, an unread FIN counts as one;
                                             ///< of a listener: connections that wait for accept()
    std::uint32_t send_queue = 0;            ///< Send-Q: unsent or unacknowledged bytes;
                                             ///< of a listener: the limit of its queue
    std::optional<std::uint64_t> cgroup_id;  ///< INET_DIAG_CGROUP_ID, since Linux 5.9
    std::optional<std::uint32_t> mark;       ///< SO_MARK, told to CAP_NET_ADMIN only
    std::optional<bool> autobound;           ///< no bind() named its port; absent when not asked
    std::optional<TcpInfo> info;             ///< absent for TIME-WAIT and SYN-RECV
    std::optional<SocketMemory> memory;

    bool operator==(const Socket&) const = default;
};

/// Milliseconds since the last packet from the peer: for a socket in CLOSE-WAIT a lower bound of
/// the time since its FIN. Absent where the kernel does not say.
[[nodiscard]] std::optional<std::uint64_t> idle_ms(const Socket& socket);

/// Bytes that arrived and were not read: Recv-Q less the one that stands for an unread FIN.
[[nodiscard]] std::uint32_t unread_bytes(const Socket& socket);

}  // namespace unwait
