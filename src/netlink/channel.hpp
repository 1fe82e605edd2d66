// SPDX-License-Identifier: MIT
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct mnl_socket;

namespace unwait::netlink {

/// How the kernel ended its answer to one request.
struct Ending {
    int error = 0;             ///< errno value of the answer, 0 for success; ENOBUFS: it was lost
    bool interrupted = false;  ///< what was dumped changed meanwhile, or a part of it was lost
};

/// A netlink(7) socket: one request, then all of its answer.
class Channel {
public:
    /// Throws Error.
    [[nodiscard]] static Channel open(int protocol);

    /// What a payload (all that follows an nlmsghdr) is handed to.
    using Take = std::function<void(std::span<const std::byte>)>;

    /// Sends the request and hands over every payload of the answer. A request with NLM_F_DUMP or
    /// NLM_F_ACK ends with what the kernel says about it, any other with its first message. Throws
    /// Error, with `operation` in its text, when the answer is not one that netlink(7) allows; the
    /// next request is not disturbed by what is left of it.
    Ending exchange(std::vector<std::byte>& request, const std::string& operation,
                    const Take& take);

    /// What the answer to one of several requests is handed to: its errno value, 0 with a payload.
    using TakeEach = std::function<void(int error, std::span<const std::byte>)>;

    /// Sends requests that stand one behind the other and have one message for an answer each, and
    /// hands the answers over in order. Returns how many there were: fewer than were asked for, or
    /// none, when the socket had no room for all. Throws Error as exchange() does.
    std::size_t exchange_each(std::vector<std::byte>& requests, const std::string& operation,
                              const TakeEach& take);

private:
    struct Close {
        void operator()(mnl_socket* socket) const noexcept;
    };
    using Handle = std::unique_ptr<mnl_socket, Close>;

    explicit Channel(Handle socket);
    /// The sequence number of the last of them.
    std::uint32_t send(std::vector<std::byte>& requests, const std::string& operation);
    /// `is_dump`: one that goes on when a part of it is lost.
    Ending read_answer(std::uint32_t sequence, bool is_dump, const std::string& operation,
                       const Take& take);
    /// Bytes of a message, 0 when one was lost.
    std::size_t receive(const std::string& operation);
    bool take_message(const nlmsghdr& head, const std::string& operation, const Take& take,
                      Ending& ending) const;
    void drain();

    Handle socket_;
    std::vector<std::byte> buffer_;
    std::uint32_t sequence_ = 0;
    bool unread_ = false;  ///< an answer was not read to its end
};

}  // namespace unwait::netlink
