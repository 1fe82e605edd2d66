// SPDX-License-Identifier: MIT
#include "own_connection.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "file_identity.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

constexpr int patience_ms = 10'000;

struct RawAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;

    sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

RawAddress loopback(int family) {
    RawAddress address;
    if (family == AF_INET) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        std::memcpy(&address.storage, &in, address.size = sizeof in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_addr = in6addr_loopback;
        std::memcpy(&address.storage, &in, address.size = sizeof in);
    }
    return address;
}

bool becomes_ready(int fd, short events) {
    pollfd waited{fd, events, 0};
    return ::poll(&waited, 1, patience_ms) == 1;
}

/// Its end is RST, after which neither end waits for anything.
void leave_nothing_behind(int fd) {
    constexpr linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

OwnConnection::OwnConnection() {
    if (connect(AF_INET)) return;
    const int error = errno;
    if (!connect(AF_INET6)) throw Error(error, "connection to ourselves over loopback");
}

bool OwnConnection::connect(int family) {
    const int kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const sys::Fd listener(::socket(family, kind, 0));
    RawAddress address = loopback(family);
    if (!listener || ::bind(listener.get(), address.get(), address.size) != 0 ||
        ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), address.get(), &address.size) != 0) {
        return false;
    }
    client_ = sys::Fd(::socket(family, kind, 0));
    if (!client_) return false;
    leave_nothing_behind(client_.get());
    if (::connect(client_.get(), address.get(), address.size) != 0 && errno != EINPROGRESS) {
        return false;
    }
    if (!becomes_ready(client_.get(), POLLOUT) || !becomes_ready(listener.get(), POLLIN)) {
        errno = ETIMEDOUT;
        return false;
    }
    server_ = sys::Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!server_) return false;
    leave_nothing_behind(server_.get());
    return true;
}

std::optional<Socket> OwnConnection::find(netlink::SockDiag& diag) const {
    const auto cookie = sys::socket_cookie(client_.get());
    auto sockets = diag.dump({.states = mask_of(TcpState::established)}).sockets;
    const auto found = std::ranges::find_if(
        sockets, [&](const Socket& socket) { return socket.id.cookie == cookie; });
    return found == sockets.end() ? std::nullopt : std::optional(std::move(*found));
}

}  // namespace unwait
