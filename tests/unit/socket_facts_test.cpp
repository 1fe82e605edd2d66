// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "samples.hpp"

namespace unwait {

TEST_CASE("the time since the last packet is the idle time") {
    Socket socket = samples::stuck_socket();
    CHECK(idle_ms(socket) == 3'600'000U);
    socket.info->last_ack_recv_ms = 0;
    CHECK(idle_ms(socket) == 0U);
    socket.info.reset();
    CHECK_FALSE(idle_ms(socket).has_value());
}

TEST_CASE("an unread FIN is no unread byte") {
    struct Row {
        TcpState state;
        std::uint32_t recv_queue;
        std::uint32_t unread;
    };
    for (const Row& row : {
             Row{TcpState::close_wait, 0, 0},
             Row{TcpState::close_wait, 1, 0},
             Row{TcpState::close_wait, 2, 1},
             Row{TcpState::close_wait, UINT32_MAX, UINT32_MAX - 1},
             Row{TcpState::last_ack, 1, 0},
             Row{TcpState::closing, 0, 0},
             Row{TcpState::time_wait, 1, 0},
             Row{TcpState::established, 0, 0},
             Row{TcpState::established, 1, 1},
             Row{TcpState::fin_wait_2, 5, 5},
             Row{TcpState::listening, 128, 0},
         }) {
        CAPTURE(static_cast<int>(row.state));
        CAPTURE(row.recv_queue);
        Socket socket = samples::stuck_socket();
        socket.state = row.state;
        socket.recv_queue = row.recv_queue;
        CHECK(unread_bytes(socket) == row.unread);
    }
}

}  // namespace unwait
