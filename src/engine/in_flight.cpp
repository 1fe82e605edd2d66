// SPDX-License-Identifier: MIT
#include "in_flight.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "fd.hpp"
#include "pidfd.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

constexpr std::size_t most_fds = 253;  // SCM_MAX_FD

/// Every fd that came with a message; each must be closed.
std::vector<sys::Fd> fds_in(const msghdr& message) {
    std::vector<sys::Fd> fds;
    auto* header = CMSG_FIRSTHDR(&message);
    for (; header != nullptr; header = CMSG_NXTHDR(const_cast<msghdr*>(&message), header)) {
        if (header->cmsg_level != SOL_SOCKET) continue;
        // SCM_RIGHTS, and the pidfd of a receiver that has asked for it.
        constexpr int scm_pidfd = 4;
        if (header->cmsg_type != SCM_RIGHTS && header->cmsg_type != scm_pidfd) continue;
        for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len;
             at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, reinterpret_cast<const char*>(header) + at, sizeof fd);
            fds.emplace_back(fd);
        }
    }
    return fds;
}

/// Duplicates of the fds that the next message carries; absent when it must not be looked at.
std::optional<std::vector<sys::Fd>> peek(int socket) {
    int offset = -1;
    socklen_t size = sizeof offset;
    // With a peek offset, which the target would have set, looking moves it.
    if (::getsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, &offset, &size) == 0 && offset >= 0) {
        return std::nullopt;
    }
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_fds * sizeof(int)) + 256> control;
    std::array<char, 65536> data;  // up to the first byte that carries fds
    iovec vector{data.data(), data.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) {
        return std::nullopt;
    }
    return fds_in(message);
}

std::optional<sys::Fd> duplicate(const Keeper& keeper) {
    try {
        const auto process = sys::PidFd::open(keeper.pid);
        return process ? process->get_fd(keeper.fd) : std::nullopt;
    } catch (const Error&) {
        return std::nullopt;  // what may not be duplicated is not known
    }
}

void look_into(const Keeper& queue, std::span<const std::uint64_t> inodes,
               std::vector<Keeper>& keepers) {
    const auto socket = duplicate(queue);
    const auto fds = socket ? peek(socket->get()) : std::nullopt;
    if (!fds) {
        keepers.push_back(queue);
        return;
    }
    for (const sys::Fd& fd : *fds) {
        struct stat status {};
        if (::fstat(fd.get(), &status) != 0 || !S_ISSOCK(status.st_mode)) continue;
        if (std::ranges::find(inodes, status.st_ino) == inodes.end()) continue;
        keepers.push_back(queue);
        keepers.back().inode = status.st_ino;
    }
    if (fds->size() < queue.count) keepers.push_back(queue);  // others are further behind
}

}  // namespace

std::vector<Keeper> look_into_queues(std::vector<Keeper> keepers,
                                     std::span<const std::uint64_t> inodes) {
    std::vector<Keeper> known;
    for (Keeper& keeper : keepers) {
        if (keeper.kind == Keeper::Kind::unix_queue) {
            look_into(keeper, inodes, known);
        } else {
            known.push_back(std::move(keeper));
        }
    }
    return known;
}

}  // namespace unwait
