// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/io_uring.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "blocked.hpp"
#include "connections.hpp"
#include "fd_message.hpp"
#include "old_calls.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

/// Until the peer has been silent for much longer than a clock tick.
void await_silence(int fd) {
    await(
        [fd] {
            constexpr std::uint32_t enough_ms = 200;
            tcp_info info{};
            socklen_t size = sizeof info;
            must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), "getsockopt TCP_INFO");
            return info.tcpi_last_ack_recv > enough_ms;
        },
        "a silent peer");
}

/// waits=parent: it polls the socket; exec=1: the children run another program; late=1: they are
/// born long after the peer has left.
void shared_by_fork(Stage& stage, const Arguments& arguments) {
    const int fd = make_close_wait(stage, arguments)[0].fd;
    if (arguments.number("late", 0) != 0) await_silence(fd);
    std::vector<int> children;
    for (long i = arguments.number("children", 2); i > 0; --i) {
        if (arguments.number("exec", 0) == 0) {
            children.push_back(fork_idler());
            continue;
        }
        must(fcntl(fd, F_SETFD, 0), "F_SETFD");
        std::array<int, 2> gate{};
        must(pipe2(gate.data(), O_CLOEXEC), "pipe2");
        const pid_t child = fork_child();
        if (child == 0) {
            execlp("sleep", "sleep", "1000000", nullptr);
            fail("exec of sleep");
        }
        close(gate[1]);
        char byte = 0;  // ends when execve has closed the other end
        must(read(gate[0], &byte, 1), "read of the gate");
        children.push_back(child);
    }
    stage.tell("children", children);
    if (arguments.text("waits", "nobody") == "parent") {
        stage.tell("tid", block_in(stage, {"poll", call_of_poll, [fd] {
                                               pollfd wanted{fd, 0, 0};
                                               return poll(&wanted, 1, -1);
                                           }}));
    }
}

/// Another process with the very same fd table.
void clone_files(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    stage.tell("sharer", fork_idler(CLONE_FILES));
}

/// One socket under several numbers.
void several_fds(Stage& stage, const Arguments& arguments) {
    const std::vector<Connection> connections = make_close_wait(stage, arguments);
    std::vector<int> duplicates;
    for (long i = arguments.number("duplicates", 2); i > 0; --i) {
        duplicates.push_back(must(fcntl(connections[0].fd, F_DUPFD_CLOEXEC, 0), "F_DUPFD"));
    }
    stage.tell("duplicates", duplicates);
}

/// Only one thread's own fd table holds the socket; `fds` is about that table.
void private_fd_table(Stage& stage, const Arguments& arguments) {
    std::thread([&stage, &arguments] {
        die_with(getppid());
        must(unshare(CLONE_FILES), "unshare CLONE_FILES");
        make_close_wait(stage, arguments);
        stage.tell("tid", static_cast<int>(gettid()));
        stage.play();
    }).detach();
    for (;;) pause();
}

char leader_state() {
    const int fd = must(open("/proc/self/stat", O_RDONLY | O_CLOEXEC), "open of the stat file");
    std::array<char, 512> buffer{};
    must(read(fd, buffer.data(), buffer.size() - 1), "read of the stat file");
    close(fd);
    const std::string text(buffer.data());
    return text.at(text.rfind(')') + 2);
}

/// The thread-group leader has ended, another thread lives on with the fds.
void zombie_leader(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    std::thread([&stage] {
        die_with(getppid());
        stage.tell("tid", static_cast<int>(gettid()));
        await([] { return leader_state() == 'Z'; }, "the leader's end");
        stage.play();
    }).detach();
    syscall(SYS_exit, 0);
}

/// No fd at all: the socket is on its way inside a unix socket.
void in_flight(Stage& stage, const Arguments& arguments) {
    std::vector<Connection> connections = make_close_wait(stage, arguments);
    std::array<int, 2> pair{};
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), "socketpair");
    must(FdMessage().send(pair[0], connections[0].fd), "sendmsg");
    shut(connections[0].fd);
    stage.tell("carrier", pair[1]);
    stage.answer("receive", [carrier = pair[1]](const std::string&) {
        return std::to_string(must(FdMessage().receive(carrier), "recvmsg"));
    });
}

/// With a loopback device that is up.
void enter_new_netns() {
    must(unshare(CLONE_NEWNET), "unshare CLONE_NEWNET");
    const int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    ifreq request{};
    std::memcpy(request.ifr_name, "lo", sizeof "lo");
    request.ifr_flags = IFF_UP;
    must(ioctl(fd, SIOCSIFFLAGS, &request), "ioctl SIOCSIFFLAGS");
    close(fd);
}

/// No fd either: it was closed while a thread was blocked in a write to it, which pins the socket.
void pinned(Stage& stage, const Arguments& arguments) {
    const Server server(arguments);
    Connection connection = server.establish();
    must(shutdown(connection.peer, SHUT_WR), "shutdown");
    fill({connection.fd});
    tell_connections(stage, server, {connection});
    stage.tell("peer_fd", connection.peer);
    stage.tell("tid", block_in(stage, {"write", SYS_write, [fd = connection.fd] {
                                           const char byte = 'x';
                                           return write(fd, &byte, 1);
                                       }}));
    shut(connection.fd);
}

/// No fd again: registered with an io_uring, then closed.
void in_io_uring(Stage& stage, const Arguments& arguments) {
    std::vector<Connection> connections = make_close_wait(stage, arguments);
    io_uring_params shape{};
    const auto ring = static_cast<int>(syscall(SYS_io_uring_setup, 4, &shape));
    stage.tell("ring_fd", must(ring, "io_uring_setup"));
    must(syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &connections[0].fd, 1),
         "io_uring_register");
    if (arguments.number("keep", 0) == 0) shut(connections[0].fd);
}

/// No fd, but memory that shows what was received (TCP_ZEROCOPY_RECEIVE).
void mapped(Stage& stage, const Arguments& arguments) {
    std::vector<Connection> connections = make_close_wait(stage, arguments);
    constexpr std::size_t page = 4096;
    void* memory = mmap(nullptr, page, PROT_READ, MAP_SHARED, connections[0].fd, 0);
    if (memory == MAP_FAILED) fail("mmap of a socket");
    shut(connections[0].fd);
}

/// Moves to a network namespace of its own: where=before the sockets are made, or after.
void other_netns(Stage& stage, const Arguments& arguments) {
    const bool before = arguments.text("where", "after") == "before";
    if (before) enter_new_netns();
    make_close_wait(stage, arguments);
    if (!before) enter_new_netns();
}

/// A thread waits in vfork() for its child, and cannot be stopped until that ends (at `release`).
void vforking(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    static std::array<int, 2> gate{};
    must(pipe2(gate.data(), O_CLOEXEC), "pipe2");
    stage.tell("tid", block_in(stage, {"vfork", call_of_vfork, [victim = getpid()] {
                                           const long child = vfork();
                                           if (child != 0) return child;
                                           die_with(victim);
                                           char byte = 0;
                                           if (read(gate[0], &byte, 1) == -1) _exit(1);
                                           _exit(0);
                                       }}));
    stage.answer("release", [](const std::string&) {
        return std::to_string(must(write(gate[1], "x", 1), "write"));
    });
}

/// Waits in vfork() for a child that ends as soon as there is a line to be read (true), or soon.
bool doze_once() {
    const pid_t child = vfork();
    if (child == 0) {
        pollfd next_line{0, POLLIN, 0};
        _exit(poll(&next_line, 1, 2));
    }
    int status = 0;
    must(waitpid(must(child, "vfork"), &status, 0), "waitpid");
    return WEXITSTATUS(status) != 0;
}

/// From `doze` to the next line its only thread is in uninterruptible sleep all the time, but never
/// for long. The answer to that line is how often.
void dozing(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    stage.answer("doze", [](const std::string&) {
        std::uint64_t times = 1;
        while (!doze_once()) ++times;
        std::array<char, 64> line{};
        must(read(0, line.data(), line.size()), "read of a line");
        return std::to_string(times);
    });
}

constexpr std::array table{
    NamedScenario{"shared-by-fork", shared_by_fork},
    NamedScenario{"clone-files", clone_files},
    NamedScenario{"several-fds", several_fds},
    NamedScenario{"private-fd-table", private_fd_table},
    NamedScenario{"zombie-leader", zombie_leader},
    NamedScenario{"in-flight", in_flight},
    NamedScenario{"pinned", pinned},
    NamedScenario{"in-io-uring", in_io_uring},
    NamedScenario{"mapped", mapped},
    NamedScenario{"other-netns", other_netns},
    NamedScenario{"vforking", vforking},
    NamedScenario{"dozing", dozing},
};

}  // namespace

std::span<const NamedScenario> holder_scenarios() { return table; }

}  // namespace victim
