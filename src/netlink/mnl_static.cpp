// SPDX-License-Identifier: MIT
/// What channel.cpp uses of libmnl, for a static build on a system that has libmnl as a shared
/// library only (Debian). Contracts as in libmnl/libmnl.h.
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "fd.hpp"

struct mnl_socket {
    unwait::sys::Fd fd;
    sockaddr_nl address{};
};

mnl_socket* mnl_socket_open2(int bus, int flags) {
    unwait::sys::Fd fd(::socket(AF_NETLINK, SOCK_RAW | flags, bus));
    if (!fd) return nullptr;
    return std::make_unique<mnl_socket>(mnl_socket{std::move(fd)}).release();
}

int mnl_socket_close(mnl_socket* nl) {
    const std::unique_ptr<mnl_socket> owned(nl);
    return ::close(nl->fd.release());
}

int mnl_socket_bind(mnl_socket* nl, unsigned groups, pid_t pid) {
    nl->address.nl_family = AF_NETLINK;
    nl->address.nl_groups = groups;
    nl->address.nl_pid = static_cast<std::uint32_t>(pid);
    auto* address = reinterpret_cast<sockaddr*>(&nl->address);
    socklen_t length = sizeof nl->address;
    if (::bind(nl->fd.get(), address, length) < 0) return -1;
    // With MNL_SOCKET_AUTOPID the kernel has chosen the number.
    return ::getsockname(nl->fd.get(), address, &length);
}

int mnl_socket_get_fd(const mnl_socket* nl) { return nl->fd.get(); }

unsigned mnl_socket_get_portid(const mnl_socket* nl) { return nl->address.nl_pid; }

ssize_t mnl_socket_sendto(const mnl_socket* nl, const void* req, size_t siz) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    return ::sendto(nl->fd.get(), req, siz, 0, reinterpret_cast<const sockaddr*>(&kernel),
                    sizeof kernel);
}

ssize_t mnl_socket_recvfrom(const mnl_socket* nl, void* buf, size_t siz) {
    // What does not fit is an error, as a message cut off must not be taken for a whole one.
    const ssize_t got = ::recv(nl->fd.get(), buf, siz, MSG_TRUNC);
    if (got <= static_cast<ssize_t>(siz)) return got;
    errno = ENOSPC;
    return -1;
}

bool mnl_nlmsg_ok(const nlmsghdr* nlh, int len) {
    return len >= static_cast<int>(sizeof *nlh) && nlh->nlmsg_len >= sizeof *nlh &&
           nlh->nlmsg_len <= static_cast<unsigned>(len);
}

nlmsghdr* mnl_nlmsg_next(const nlmsghdr* nlh, int* len) {
    const std::size_t length = NLMSG_ALIGN(nlh->nlmsg_len);
    *len -= static_cast<int>(length);
    const auto* next = reinterpret_cast<const char*>(nlh) + length;
    return reinterpret_cast<nlmsghdr*>(const_cast<char*>(next));
}

void* mnl_nlmsg_get_payload(const nlmsghdr* nlh) { return const_cast<nlmsghdr*>(nlh + 1); }

size_t mnl_nlmsg_get_payload_len(const nlmsghdr* nlh) { return nlh->nlmsg_len - sizeof *nlh; }
