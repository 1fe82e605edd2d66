// SPDX-License-Identifier: MIT
#include "unwait/tcp.hpp"

namespace unwait {
namespace {

/// States in which the peer's FIN has arrived: the kernel then counts it in Recv-Q until it is
/// read.
constexpr StateMask after_fin = mask_of(TcpState::close_wait) | mask_of(TcpState::last_ack) |
                                mask_of(TcpState::closing) | mask_of(TcpState::time_wait);

}  // namespace

std::optional<std::uint64_t> idle_ms(const Socket& socket) {
    return socket.info ? std::optional<std::uint64_t>{socket.info->last_ack_recv_ms} : std::nullopt;
}

std::uint32_t unread_bytes(const Socket& socket) {
    if (socket.state == TcpState::listening) {
        return 0;
    }
    const bool fin_counted = (mask_of(socket.state) & after_fin) != 0 && socket.recv_queue > 0;
    return socket.recv_queue - (fin_counted ? 1 : 0);
}

}  // namespace unwait
