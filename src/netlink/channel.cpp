// SPDX-License-Identifier: MIT
#include "channel.hpp"

#include <libmnl/libmnl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "unwait/error.hpp"

namespace unwait::netlink {
namespace {

constexpr std::size_t buffer_size = 65536;  // the kernel fills at most 32 KiB of a dump at once
constexpr time_t patience_s = 10;           // the kernel answers within the call that asks
constexpr int max_losses = 16;

}  // namespace

void Channel::Close::operator()(mnl_socket* socket) const noexcept { mnl_socket_close(socket); }

Channel::Channel(Handle socket) : socket_(std::move(socket)), buffer_(buffer_size) {}

Channel Channel::open(int protocol) {
    Handle socket(mnl_socket_open2(protocol, SOCK_CLOEXEC));
    if (!socket) throw Error(errno, "opening a netlink socket");
    if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        throw Error(errno, "binding a netlink socket");
    }
    // Connected to the kernel, it takes no message from a process that could forge answers.
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const int fd = mnl_socket_get_fd(socket.get());
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) {
        throw Error(errno, "connecting a netlink socket to the kernel");
    }
    const timeval patience{patience_s, 0};
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0) {
        throw Error(errno, "SO_RCVTIMEO of a netlink socket");
    }
    return Channel(std::move(socket));
}

Ending Channel::exchange(std::vector<std::byte>& request, const std::string& operation,
                         const Take& take) {
    if (unread_) drain();
    const std::uint32_t sequence = send(request, operation);
    nlmsghdr head;
    std::memcpy(&head, request.data(), sizeof head);
    const bool is_dump = (head.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    const Ending ending = read_answer(sequence, is_dump, operation, take);
    unread_ = ending.error == ENOBUFS;
    return ending;
}

std::size_t Channel::exchange_each(std::vector<std::byte>& requests, const std::string& operation,
                                   const TakeEach& take) {
    if (unread_) drain();
    const std::uint32_t before = sequence_;
    const std::uint32_t last = send(requests, operation);
    for (std::uint32_t sequence = before; sequence != last; ++sequence) {
        std::span<const std::byte> answer;
        const Ending ending = read_answer(sequence + 1, false, operation,
                                          [&answer](auto payload) { answer = payload; });
        // What is lost came behind all that was taken.
        if (ending.error == ENOBUFS) return sequence - before;
        take(ending.error, answer);
    }
    unread_ = false;
    return last - before;
}

Ending Channel::read_answer(std::uint32_t sequence, bool is_dump, const std::string& operation,
                            const Take& take) {
    Ending ending;
    for (int losses = 0;;) {
        const std::size_t received = receive(operation);
        if (received == 0) {
            if (!is_dump) return {.error = ENOBUFS};
            if (++losses > max_losses) throw Error(ENOBUFS, operation + ": reading the answer");
            ending.interrupted = true;  // the dump goes on with the next read, but may have a hole
            continue;
        }
        int left = static_cast<int>(received);
        const auto* head = reinterpret_cast<const nlmsghdr*>(buffer_.data());
        for (; mnl_nlmsg_ok(head, left); head = mnl_nlmsg_next(head, &left)) {
            if (head->nlmsg_seq != sequence ||
                head->nlmsg_pid != mnl_socket_get_portid(socket_.get())) {
                throw Error(EPROTO, operation + ": an answer to another request");
            }
            if (take_message(*head, operation, take, ending)) return ending;
        }
        if (left != 0) throw Error(EBADMSG, operation + ": a truncated netlink message");
    }
}

std::uint32_t Channel::send(std::vector<std::byte>& requests, const std::string& operation) {
    const std::span all(requests);
    nlmsghdr head;
    for (auto rest = all; !rest.empty(); rest = rest.subspan(NLMSG_ALIGN(head.nlmsg_len))) {
        std::memcpy(&head, rest.data(), sizeof head);
        head.nlmsg_seq = ++sequence_;
        head.nlmsg_pid = mnl_socket_get_portid(socket_.get());
        std::memcpy(rest.data(), &head, sizeof head);
    }
    unread_ = true;
    while (mnl_socket_sendto(socket_.get(), requests.data(), requests.size()) < 0) {
        if (errno != EINTR) throw Error(errno, operation + ": sending the request");
    }
    return sequence_;
}

std::size_t Channel::receive(const std::string& operation) {
    for (;;) {
        const ssize_t got = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (got > 0) return static_cast<std::size_t>(got);
        if (got == 0) throw Error(EPROTO, operation + ": an empty answer");
        if (errno == ENOBUFS) return 0;
        if (errno == EAGAIN) throw Error(ETIMEDOUT, operation + ": waiting for the answer");
        if (errno != EINTR) throw Error(errno, operation + ": reading the answer");
    }
}

/// Whether this message ends the answer.
bool Channel::take_message(const nlmsghdr& head, const std::string& operation, const Take& take,
                           Ending& ending) const {
    const auto* payload = static_cast<const std::byte*>(mnl_nlmsg_get_payload(&head));
    const std::size_t length = mnl_nlmsg_get_payload_len(&head);
    if ((head.nlmsg_flags & NLM_F_DUMP_INTR) != 0) ending.interrupted = true;
    switch (head.nlmsg_type) {
        case NLMSG_NOOP:
            return false;
        case NLMSG_OVERRUN:
            ending.interrupted = true;
            return false;
        case NLMSG_ERROR:
        case NLMSG_DONE: {
            int error = 0;  // both begin with a negative errno value; an old kernel's DONE is empty
            if (length >= sizeof error) {
                std::memcpy(&error, payload, sizeof error);
            } else if (head.nlmsg_type == NLMSG_ERROR) {
                throw Error(EBADMSG, operation + ": a truncated error message");
            }
            ending.error = error < 0 ? -error : 0;
            return true;
        }
        default:
            take({payload, length});
            return (head.nlmsg_flags & NLM_F_MULTI) == 0;
    }
}

/// Reading a dump makes the kernel go on with it: this ends when nothing of it is left.
void Channel::drain() {
    const int fd = mnl_socket_get_fd(socket_.get());
    for (;;) {
        const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC);
        if (got >= 0 || errno == EINTR || errno == ENOBUFS) continue;
        if (errno == EAGAIN) break;
        throw Error(errno, "reading what is left of an earlier netlink answer");
    }
    unread_ = false;
}

}  // namespace unwait::netlink
