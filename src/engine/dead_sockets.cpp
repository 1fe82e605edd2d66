// SPDX-License-Identifier: MIT
#include "dead_sockets.hpp"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "fd.hpp"
#include "file_identity.hpp"
#include "pidfd.hpp"
#include "tcp_fds.hpp"
#include "tcp_look.hpp"
#include "unwait/error.hpp"
#include "vocabulary.hpp"

namespace unwait {

namespace {

/// A handshake measures the round trip, whoever began it; a refused one does not.
bool was_connected(const TcpInfo& info) {
    return info.rtt_us > 0 || info.bytes_acked > 0 || info.bytes_received > 0;
}

/// Absent when it may not be asked, which needs CAP_NET_ADMIN there.
std::optional<std::uint64_t> netns_of(int socket) {
    const sys::Fd netns(::ioctl(socket, SIOCGSKNS));
    if (!netns) return std::nullopt;
    return sys::inode_of(netns.get());
}

/// Its own end is still known, the peer is not.
void take_address(int socket, Socket& into) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return;
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 in6{};
        std::memcpy(&in6, &storage, sizeof in6);
        into.family = into.local.address.family = into.peer.address.family = Family::inet6;
        std::memcpy(into.local.address.bytes.data(), &in6.sin6_addr, sizeof in6.sin6_addr);
        into.local.port = ntohs(in6.sin6_port);
    } else {
        sockaddr_in in{};
        std::memcpy(&in, &storage, sizeof in);
        std::memcpy(into.local.address.bytes.data(), &in.sin_addr, sizeof in.sin_addr);
        into.local.port = ntohs(in.sin_port);
    }
}

std::optional<Socket> dead_socket(int fd, std::uint64_t own_netns) {
    const auto look = netlink::look_through(fd);
    if (!look || look->state != TcpState::closed || !was_connected(*look->info)) {
        return std::nullopt;
    }
    Socket socket;
    socket.state = look->state;
    socket.info = look->info;
    socket.id.netns = netns_of(fd).value_or(own_netns);
    socket.id.cookie = sys::socket_cookie(fd).value_or(0);
    if (socket.id.netns != own_netns || socket.id.cookie == 0) return std::nullopt;
    struct stat status {};
    if (::fstat(fd, &status) != 0) return std::nullopt;
    socket.id.inode = status.st_ino;
    socket.uid = status.st_uid;
    int unread = 0;
    if (::ioctl(fd, SIOCINQ, &unread) == 0) socket.recv_queue = static_cast<std::uint32_t>(unread);
    take_address(fd, socket);
    return socket;
}

std::optional<sys::Fd> duplicate(const proc::TcpFd& held, std::vector<BlindSpot>& blind_spots) {
    try {
        const auto process = sys::PidFd::open(held.pid);
        return process ? process->get_fd(held.fd) : std::nullopt;
    } catch (const Error& error) {
        if (blind_spots.empty() || blind_spots.back().pid != held.pid) {
            blind_spots.push_back(
                {std::string(blind_spot::use_unreadable), held.pid,
                 std::string("whether sockets are dead cannot be asked: ") + error.what()});
        }
        return std::nullopt;
    }
}

}  // namespace

std::vector<Socket> find_dead_sockets(netlink::SockDiag& diag,
                                      std::vector<BlindSpot>& blind_spots) {
    std::vector<std::uint64_t> alive;
    for (const Socket& socket : diag.dump({.states = *states_of_word("all")}).sockets) {
        alive.push_back(socket.id.inode);
    }
    std::vector<Socket> dead;
    for (const proc::TcpFd& held : proc::find_tcp_fds(proc::InodeSet(alive))) {
        const auto copy = duplicate(held, blind_spots);
        if (auto socket = copy ? dead_socket(copy->get(), diag.netns()) : std::nullopt) {
            if (socket->id.inode == held.inode) dead.push_back(std::move(*socket));
        }
    }
    return dead;
}

}  // namespace unwait
