// SPDX-License-Identifier: MIT
#include "loopback.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>

#include "unwait/error.hpp"

namespace unwait::testing {
namespace {

constexpr int patience_ms = 10'000;

void require(bool good, const char* attempt) {
    if (!good) throw Error(errno, attempt);
}

struct RawAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

RawAddress raw(const Endpoint& endpoint) {
    RawAddress result;
    if (endpoint.address.family == Family::inet) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(endpoint.port);
        std::memcpy(&in.sin_addr, endpoint.address.bytes.data(), sizeof in.sin_addr);
        std::memcpy(&result.storage, &in, result.size = sizeof in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(endpoint.port);
        std::memcpy(&in.sin6_addr, endpoint.address.bytes.data(), sizeof in.sin6_addr);
        std::memcpy(&result.storage, &in, result.size = sizeof in);
    }
    return result;
}

Endpoint endpoint_of(const RawAddress& address) {
    Endpoint endpoint;
    if (address.storage.ss_family == AF_INET) {
        sockaddr_in in;
        std::memcpy(&in, &address.storage, sizeof in);
        std::memcpy(endpoint.address.bytes.data(), &in.sin_addr, sizeof in.sin_addr);
        endpoint.port = ntohs(in.sin_port);
    } else {
        sockaddr_in6 in;
        std::memcpy(&in, &address.storage, sizeof in);
        endpoint.address.family = Family::inet6;
        std::memcpy(endpoint.address.bytes.data(), &in.sin6_addr, sizeof in.sin6_addr);
        endpoint.port = ntohs(in.sin6_port);
    }
    return endpoint;
}

sys::Fd tcp_socket(Family family) {
    sys::Fd fd(
        ::socket(family == Family::inet ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    require(static_cast<bool>(fd), "socket");
    return fd;
}

void raise_loopback() {
    const sys::Fd fd = tcp_socket(Family::inet);
    ifreq device{};
    std::strcpy(device.ifr_name, "lo");
    require(::ioctl(fd.get(), SIOCGIFFLAGS, &device) == 0, "flags of lo");
    device.ifr_flags = static_cast<short>(device.ifr_flags | IFF_UP);
    require(::ioctl(fd.get(), SIOCSIFFLAGS, &device) == 0, "raising lo");
}

void wait_for(const sys::Fd& fd, short events) {
    pollfd waiting{fd.get(), events, 0};
    require(::poll(&waiting, 1, patience_ms) >= 0, "poll");
    if ((waiting.revents & events) == 0) throw Error(ETIMEDOUT, "waiting for a test socket");
}

}  // namespace

Address address(const std::string& text) {
    Address result;
    const bool inet6 = text.find(':') != std::string::npos;
    result.family = inet6 ? Family::inet6 : Family::inet;
    const int done = ::inet_pton(inet6 ? AF_INET6 : AF_INET, text.c_str(), result.bytes.data());
    if (done != 1) throw Error(EINVAL, "address " + text);
    return result;
}

Address loopback(Flavour flavour) {
    if (flavour == Flavour::v4) return address("127.0.0.1");
    return address(flavour == Flavour::v6 ? "::1" : "::ffff:127.0.0.1");
}

Listener listen_on(const Address& at, std::uint16_t port, Sharing sharing) {
    Listener listener{tcp_socket(at.family), {at, port}};
    const int on = 1;
    require(::setsockopt(listener.fd.get(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on) == 0,
            "IP_FREEBIND");
    const int shared = sharing == Sharing::port ? 1 : 0;
    require(::setsockopt(listener.fd.get(), SOL_SOCKET, SO_REUSEPORT, &shared, sizeof shared) == 0,
            "SO_REUSEPORT");
    RawAddress where = raw(listener.endpoint);
    require(::bind(listener.fd.get(), where.get(), where.size) == 0, "bind");
    require(::listen(listener.fd.get(), 4096) == 0, "listen");
    listener.endpoint.port = local_of(listener.fd).port;
    return listener;
}

sys::Fd connect_to(const Endpoint& endpoint) {
    sys::Fd fd = tcp_socket(endpoint.address.family);
    RawAddress where = raw(endpoint);
    require(::connect(fd.get(), where.get(), where.size) == 0, "connect");
    return fd;
}

void reconnect(const sys::Fd& fd, const Endpoint& endpoint) {
    constexpr sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
    require(::connect(fd.get(), &nobody, sizeof nobody) == 0, "connect to nobody");
    RawAddress where = raw(endpoint);
    require(::connect(fd.get(), where.get(), where.size) == 0, "connect");
}

sys::Fd accept_from(const Listener& listener) {
    wait_for(listener.fd, POLLIN);
    sys::Fd fd(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    require(static_cast<bool>(fd), "accept");
    return fd;
}

Connection connect_pair(const Listener& listener) {
    Connection connection;
    connection.client = connect_to(listener.endpoint);
    connection.server = accept_from(listener);
    return connection;
}

void leave(const Connection& connection, const std::string& unread) {
    const auto size = static_cast<ssize_t>(unread.size());
    require(::send(connection.client.get(), unread.data(), unread.size(), MSG_NOSIGNAL) == size,
            "send");
    require(::shutdown(connection.client.get(), SHUT_WR) == 0, "shutdown");
    wait_for(connection.server, POLLRDHUP);
}

std::uint64_t cookie_of(const sys::Fd& fd) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    require(::getsockopt(fd.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0, "SO_COOKIE");
    return cookie;
}

std::uint64_t inode_of(const sys::Fd& fd) {
    struct stat status {};
    require(::fstat(fd.get(), &status) == 0, "fstat");
    return status.st_ino;
}

Endpoint local_of(const sys::Fd& fd) {
    RawAddress address;
    require(::getsockname(fd.get(), address.get(), &address.size) == 0, "getsockname");
    return endpoint_of(address);
}

Endpoint peer_of(const sys::Fd& fd) {
    RawAddress address;
    require(::getpeername(fd.get(), address.get(), &address.size) == 0, "getpeername");
    return endpoint_of(address);
}

void in_own_network(const std::function<void()>& body) {
    std::exception_ptr failure;
    std::thread([&] {
        try {
            require(::unshare(CLONE_NEWNET) == 0, "unshare of the network namespace");
            raise_loopback();
            body();
        } catch (...) {
            failure = std::current_exception();
        }
    }).join();
    if (failure) std::rethrow_exception(failure);
}

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        ::sched_yield();
    }
    return true;
}

}  // namespace unwait::testing
