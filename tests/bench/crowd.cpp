// SPDX-License-Identifier: MIT
#include "crowd.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace unwait::bench {
namespace {

/// Pipes, eventfds, unix sockets, files.
void open_one(int i) {
    std::array<int, 2> ends{};
    switch (i % 4) {
        case 0:
            if (pipe(ends.data()) == 0) close(ends[1]);
            break;
        case 1:
            eventfd(0, 0);
            break;
        case 2:
            socket(AF_UNIX, SOCK_STREAM, 0);
            break;
        default:
            open("/etc/passwd", O_RDONLY);
    }
}

[[noreturn]] void be_member(int fds, int ready) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_range(3, static_cast<unsigned>(ready) - 1, 0);
    for (int i = 0; i < fds; ++i) open_one(i);
    close(ready);
    for (;;) pause();
}

}  // namespace

Crowd::Crowd(int processes, int fds_each) {
    std::array<int, 2> ready{};
    if (pipe(ready.data()) != 0) throw std::system_error(errno, std::system_category(), "pipe");
    for (int i = 0; i < processes; ++i) {
        const pid_t pid = fork();
        if (pid == -1) throw std::system_error(errno, std::system_category(), "fork");
        if (pid == 0) {
            close(ready[0]);
            be_member(fds_each, ready[1]);
        }
        members_.push_back(pid);
    }
    close(ready[1]);
    // It ends when the last of them has closed its end.
    char byte = 0;
    const ssize_t size = read(ready[0], &byte, 1);
    close(ready[0]);
    if (size != 0) throw std::system_error(errno, std::system_category(), "read of a pipe");
}

Crowd::~Crowd() {
    for (const pid_t pid : members_) kill(pid, SIGKILL);
    for (const pid_t pid : members_) waitpid(pid, nullptr, 0);
}

}  // namespace unwait::bench
