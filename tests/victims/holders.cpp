// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

/// A child as fork() makes it, or with more in common (clone flags), that does nothing.
pid_t spawn(unsigned long flags) {
    const long pid = syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, 0UL);
    if (must(pid, "clone") > 0) return static_cast<pid_t>(pid);
    die_with_parent();
    for (;;) pause();
}

void shared_by_fork(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    std::vector<int> children;
    for (long i = arguments.number("children", 2); i > 0; --i) children.push_back(spawn(0));
    stage.tell("children", children);
}

/// Another process with the very same fd table.
void clone_files(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    stage.tell("sharer", spawn(CLONE_FILES));
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
        die_with_parent();
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
        die_with_parent();
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
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    char byte = 'x';
    iovec data{&byte, 1};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto* header = reinterpret_cast<cmsghdr*>(control.data());
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    *reinterpret_cast<int*>(CMSG_DATA(header)) = connections[0].fd;
    must(sendmsg(pair[0], &message, MSG_NOSIGNAL), "sendmsg");
    shut(connections[0].fd);
    stage.tell("carrier", pair[1]);
}

constexpr std::array table{
    NamedScenario{"shared-by-fork", shared_by_fork},
    NamedScenario{"clone-files", clone_files},
    NamedScenario{"several-fds", several_fds},
    NamedScenario{"private-fd-table", private_fd_table},
    NamedScenario{"zombie-leader", zombie_leader},
    NamedScenario{"in-flight", in_flight},
};

}  // namespace

std::span<const NamedScenario> holder_scenarios() { return table; }

}  // namespace victim
