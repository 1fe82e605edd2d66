// SPDX-License-Identifier: MIT
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <cerrno>

#include "blocking_calls.hpp"
#include "connections.hpp"

namespace victim {
namespace {

msghdr* message(BlockingCalls& calls) {
    msghdr header{};
    header.msg_iov = calls.keep(iovec{calls.buffer(), 1});
    header.msg_iovlen = 1;
    return calls.keep(header);
}

int with_timeout(const BlockingCalls& calls, int fd, int option) {
    must(setsockopt(fd, SOL_SOCKET, option, calls.timeout_us(), sizeof(timeval)), "SO_*TIMEO");
    return fd;
}

void add_receiving(BlockingCalls& calls, const Server& server) {
    const auto quiet = [&server] { return server.establish().fd; };
    calls.add("read_socket", SYS_read, quiet(), calls.buffer(), 1);
    calls.add("recvfrom", SYS_recvfrom, quiet(), calls.buffer(), 1, 0, nullptr, nullptr);
    calls.add("recvfrom_waitall", SYS_recvfrom, quiet(), calls.buffer(), 100, MSG_WAITALL, nullptr,
              nullptr);
    calls.add("recvmsg", SYS_recvmsg, quiet(), message(calls), 0);
    mmsghdr many{};
    many.msg_hdr = *message(calls);
    calls.add("recvmmsg", SYS_recvmmsg, quiet(), calls.keep(many), 1, 0, nullptr);
    calls.add("read_socket_timeout", SYS_read, with_timeout(calls, quiet(), SO_RCVTIMEO),
              calls.buffer(), 1);
    calls.add("recvfrom_timeout", SYS_recvfrom, with_timeout(calls, quiet(), SO_RCVTIMEO),
              calls.buffer(), 1, 0, nullptr, nullptr);
    const int datagrams = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    calls.add("recvfrom_udp", SYS_recvfrom, datagrams, calls.buffer(), 1, 0, nullptr, nullptr);
}

void add_sending(BlockingCalls& calls, const Server& server) {
    std::vector<int> used;
    const auto full = [&] { return used.emplace_back(server.establish().fd); };
    calls.add("sendto", SYS_sendto, full(), calls.buffer(), 1, MSG_NOSIGNAL, nullptr, 0);
    calls.add("sendmsg", SYS_sendmsg, full(), message(calls), MSG_NOSIGNAL);
    mmsghdr many{};
    many.msg_hdr = *message(calls);
    calls.add("sendmmsg", SYS_sendmmsg, full(), calls.keep(many), 1, MSG_NOSIGNAL);
    calls.add("writev_socket", SYS_writev, full(), calls.keep(iovec{calls.buffer(), 1}), 1);
    const int file = must(memfd_create("sent", MFD_CLOEXEC), "memfd_create");
    must(ftruncate(file, 4096), "ftruncate");
    calls.add("sendfile", SYS_sendfile, full(), file, nullptr, 4096);
    calls.add("sendto_timeout", SYS_sendto, with_timeout(calls, full(), SO_SNDTIMEO),
              calls.buffer(), 1, MSG_NOSIGNAL, nullptr, 0);
    // All at once: it takes a while until a window is closed.
    fill(used);
}

/// A listener whose queue is full: further connects wait.
int crowded(sockaddr_un& address, int listener) {
    address.sun_family = AF_UNIX;
    must(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), "bind");
    socklen_t size = sizeof address;
    must(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    must(listen(listener, 0), "listen");
    const int first = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(connect(first, reinterpret_cast<sockaddr*>(&address), size), "connect");
    return static_cast<int>(size);
}

void add_connecting(BlockingCalls& calls) {
    sockaddr_un address{};
    const int size =
        crowded(address, must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const auto* there = calls.keep(address);
    const auto stranger = [] {
        return must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    };
    calls.add("connect_unix", SYS_connect, stranger(), there, size);
    calls.add("connect_unix_timeout", SYS_connect, with_timeout(calls, stranger(), SO_SNDTIMEO),
              there, size);
    const auto* server = calls.keep(Server(Over::v4, 0));
    // One more than the limit is let in; the next connect finds no room and tries again and again.
    (void)server->connect_only();
    sockaddr_in port{};
    port.sin_family = AF_INET;
    port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    port.sin_port = htons(server->port());
    const auto caller = [] {
        return must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    };
    calls.add("connect_tcp", SYS_connect, caller(), calls.keep(port), sizeof port);
    calls.add("connect_tcp_timeout", SYS_connect, with_timeout(calls, caller(), SO_SNDTIMEO),
              calls.keep(port), sizeof port);
}

}  // namespace

void add_socket_calls(BlockingCalls& calls) {
    const Server server(Over::v4);
    add_receiving(calls, server);
    add_sending(calls, server);
    const auto listener = [] { return Server(Over::v4).fd(); };
    calls.add("accept", SYS_accept, listener(), nullptr, nullptr);
    calls.add("accept4", SYS_accept4, listener(), nullptr, nullptr, SOCK_CLOEXEC);
    calls.add("accept4_timeout", SYS_accept4, with_timeout(calls, listener(), SO_RCVTIMEO), nullptr,
              nullptr, SOCK_CLOEXEC);
    add_connecting(calls);
}

}  // namespace victim
