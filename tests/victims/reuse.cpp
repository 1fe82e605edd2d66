// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <thread>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

std::atomic<std::uint64_t> rounds{0};

/// Opens and closes files for ever: they take whatever number is free, and nobody else may close
/// them.
void recycle() {
    for (;; ++rounds) {
        const int fd = memfd_create("recycled", MFD_CLOEXEC);
        const std::uint64_t inode = inode_of(fd);
        for (int i = 0; i < 20; ++i) {
            if (inode_of(fd) != inode) count_error("a recycled fd is no longer its own");
        }
        if (close(fd) == -1) count_error("a recycled fd was closed by someone else");
    }
}

void fd_recycler(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    for (long i = arguments.number("threads", 1); i > 0; --i) std::thread(recycle).detach();
    await([] { return rounds > 10; }, "the recycler");
    stage.answer("rounds", [](const std::string&) { return std::to_string(rounds.load()); });
}

/// The number of the CLOSE-WAIT socket leads to it half of the time and to another file for the
/// other half: only the socket may ever be closed. It is kept under another number too.
void fd_swapper(Stage& stage, const Arguments& arguments) {
    const int fd = make_close_wait(stage, arguments)[0].fd;
    const int spare = must(fcntl(fd, F_DUPFD_CLOEXEC, 500), "F_DUPFD");
    const int other = must(memfd_create("innocent", MFD_CLOEXEC), "memfd_create");
    stage.tell("spare", spare);
    stage.tell("other_inode", inode_of(other));
    static std::atomic<std::uint64_t> taken{0};
    std::thread([fd, spare, other] {
        const std::uint64_t innocent = inode_of(other);
        const std::uint64_t guilty = inode_of(spare);
        for (;; ++rounds) {
            dup3(other, fd, O_CLOEXEC);
            for (int i = 0; i < 20; ++i) {
                if (inode_of(fd) != innocent) count_error("an innocent file was closed");
            }
            dup3(spare, fd, O_CLOEXEC);
            if (inode_of(fd) != guilty) ++taken;
        }
    }).detach();
    await([] { return rounds > 10; }, "the swapper");
    stage.answer("rounds", [](const std::string&) { return std::to_string(rounds.load()); });
    stage.answer("taken", [](const std::string&) { return std::to_string(taken.load()); });
}

/// `reuse` closes the socket and gives its number to another file, whose inode is the answer.
void reused(Stage& stage, const Arguments& arguments) {
    const int fd = make_close_wait(stage, arguments)[0].fd;
    stage.answer("reuse", [fd](const std::string&) {
        const int other = must(memfd_create("other", MFD_CLOEXEC), "memfd_create");
        must(dup3(other, fd, O_CLOEXEC), "dup3");
        must(close(other), "close");
        return std::to_string(inode_of(fd));
    });
}

/// Waits until the peer has ended the connection.
void await_end(int fd) {
    pollfd ended{fd, POLLRDHUP, 0};
    must(poll(&ended, 1, -1), "poll");
}

/// From `go` on a thread connects the socket again and again, each time its peer has ended the
/// connection: only between that end and the next connection may it be closed. It is kept under
/// another number too.
void reconnector(Stage& stage, const Arguments& arguments) {
    const Server server(arguments);
    Connection connection = server.establish();
    become_close_wait(connection, arguments);
    tell_connections(stage, server, {connection});
    const int fd = connection.fd;
    const int spare = must(fcntl(fd, F_DUPFD_CLOEXEC, 500), "F_DUPFD");
    stage.tell("spare", spare);
    const auto reconnect = [fd, spare, server] {
        const std::uint64_t inode = inode_of(spare);
        for (;; ++rounds) {
            server.reconnect(spare);
            if (inode_of(fd) != inode) must(dup3(spare, fd, O_CLOEXEC), "dup3");
            int peer = must(accept4(server.fd(), nullptr, nullptr, SOCK_CLOEXEC), "accept");
            for (int i = 0; i < 20; ++i) {
                if (inode_of(fd) != inode) count_error("a connection in use was closed");
            }
            shut(peer);
            await_end(spare);
        }
    };
    stage.answer("go", [reconnect](const std::string&) {
        std::thread(reconnect).detach();
        await([] { return rounds > 10; }, "the reconnector");
        return "0";
    });
}

constexpr std::array table{
    NamedScenario{"fd-recycler", fd_recycler},
    NamedScenario{"fd-swapper", fd_swapper},
    NamedScenario{"reused", reused},
    NamedScenario{"reconnector", reconnector},
};

}  // namespace

std::span<const NamedScenario> reuse_scenarios() { return table; }

}  // namespace victim
