// SPDX-License-Identifier: MIT
#include "scan.hpp"

#include <doctest/doctest.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace unwait::testing {

std::vector<Holder> holders_of(std::uint64_t inode, bool with_use) {
    const proc::HolderScan scan = proc::scan_holders(std::array{inode}, with_use);
    const auto found = scan.by_inode.find(inode);
    return found == scan.by_inode.end() ? std::vector<Holder>() : found->second;
}

Holder only_holder(std::uint64_t inode) {
    const auto holders = holders_of(inode);
    REQUIRE(holders.size() == 1);
    return holders.front();
}

HeldFd only_fd(std::uint64_t inode) {
    const Holder holder = only_holder(inode);
    REQUIRE(holder.fds.size() == 1);
    return holder.fds.front();
}

sys::Fd new_socket(bool close_on_exec) {
    sys::Fd socket(::socket(AF_INET, SOCK_STREAM | (close_on_exec ? SOCK_CLOEXEC : 0), 0));
    REQUIRE(socket);
    return socket;
}

int in_child(const std::function<int()>& work) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        try {
            ::_exit(work());
        } catch (...) {
            ::_exit(99);
        }
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

pid_t make_zombie() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
    return child;
}

void become_nobody() {
    constexpr uid_t nobody = 65534;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
        ::setresuid(nobody, nobody, nobody) != 0) {
        ::_exit(98);
    }
}

}  // namespace unwait::testing
