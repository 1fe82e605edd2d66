// SPDX-License-Identifier: MIT
#include "unix_diag.hpp"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>

#include "unwait/error.hpp"

namespace unwait::netlink {
namespace {

constexpr std::size_t attribute_alignment = 4;

struct Request {
    nlmsghdr head;
    unix_diag_req body;
};

/// UNIX_DIAG_RQLEN, of a socket that is not listening: bytes that wait to be received.
std::uint32_t queue_length(std::span<const std::byte> attributes) {
    while (attributes.size() >= sizeof(nlattr)) {
        nlattr head{};
        std::memcpy(&head, attributes.data(), sizeof head);
        if (head.nla_len < sizeof head || head.nla_len > attributes.size()) break;
        if (head.nla_type == UNIX_DIAG_RQLEN &&
            head.nla_len >= sizeof head + sizeof(unix_diag_rqlen)) {
            unix_diag_rqlen length{};
            std::memcpy(&length, attributes.data() + sizeof head, sizeof length);
            return length.udiag_rqueue;
        }
        const std::size_t step =
            (head.nla_len + attribute_alignment - 1) / attribute_alignment * attribute_alignment;
        attributes = attributes.subspan(std::min(step, attributes.size()));
    }
    return 0;
}

}  // namespace

std::vector<std::uint64_t> unix_sockets_with_data(Channel& channel) {
    Request request{};
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = AF_UNIX;
    request.body.udiag_states = ~std::uint32_t{0};
    request.body.udiag_show = UDIAG_SHOW_RQLEN;
    const auto raw = std::as_bytes(std::span(&request, 1));
    std::vector<std::byte> message(raw.begin(), raw.end());

    std::vector<std::uint64_t> inodes;
    const std::string operation = "dump of unix sockets";
    const Ending ending =
        channel.exchange(message, operation, [&](std::span<const std::byte> payload) {
            unix_diag_msg answer{};
            if (payload.size() < sizeof answer) return;
            std::memcpy(&answer, payload.data(), sizeof answer);
            if (queue_length(payload.subspan(sizeof answer)) == 0) return;
            inodes.push_back(answer.udiag_ino);
        });
    if (ending.error != 0 && ending.error != ENOENT) throw Error(ending.error, operation);
    return inodes;
}

}  // namespace unwait::netlink
