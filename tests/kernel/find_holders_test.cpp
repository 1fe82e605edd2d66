// SPDX-License-Identifier: MIT
#include "find_holders.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "scan.hpp"
#include "socket_fds.hpp"
#include "victim.hpp"

namespace unwait {
namespace {

using test::Victim;

/// Who holds what, a line for each fd; the description of a process may have changed from one look
/// to the next.
std::string held_in(const proc::HolderScan& scan) {
    std::ostringstream text;
    for (const auto& [inode, holders] : std::map(scan.by_inode.begin(), scan.by_inode.end())) {
        for (const Holder& holder : holders) {
            for (const auto& [tid, fd, use] : holder.fds) {
                text << inode << ": pid " << holder.process->id.pid << " tid " << tid << " fd "
                     << fd << (use.in_epoll ? " in epoll" : "")
                     << (use.in_io_uring ? " in io_uring" : "")
                     << (use.thread_blocked ? " blocks a thread" : "")
                     << (use.beside_event_loop ? " beside an event loop" : "") << '\n';
            }
        }
    }
    return text.str();
}

std::string held_by_kernel(std::span<const std::uint64_t> inodes, bool with_use) {
    const auto answer = bpf::find_socket_fds(inodes);
    REQUIRE(std::holds_alternative<std::vector<sys::KnownFd>>(answer));
    return held_in(
        proc::describe_holders(std::get<std::vector<sys::KnownFd>>(answer), inodes, with_use));
}

/// Processes and threads that come and go, for as long as it lives.
class Bustle {
public:
    Bustle()
        : churn_({"churn", "threads=4"}), forks_([](const std::stop_token& stop) {
              while (!stop.stop_requested()) {
                  const pid_t child = ::fork();
                  if (child == 0) ::_exit(0);
                  ::waitpid(child, nullptr, 0);
              }
          }) {}
    [[nodiscard]] std::uint64_t inode() const { return churn_.number("inode"); }

private:
    Victim churn_;
    std::jthread forks_;
};

TEST_CASE("a program in the kernel finds the same holders as a walk through /proc") {
    if (const auto obstacle = bpf::obstacle()) {
        MESSAGE("not tested: " << obstacle->why);
        return;
    }
    const Victim forked({"shared-by-fork", "children=3"});
    const Victim cloned({"clone-files"});
    const Victim several({"several-fds", "duplicates=200"});
    const Victim own_table({"private-fd-table"});
    const Victim zombie({"zombie-leader"});
    const Victim in_flight({"in-flight"});
    const Bustle bustle;
    const std::array inodes{forked.number("inode"),    cloned.number("inode"),
                            several.number("inode"),   own_table.number("inode"),
                            zombie.number("inode"),    in_flight.number("inode"),
                            std::uint64_t{0xdeadbeef}, bustle.inode()};
    for (int round = 0; round < 20; ++round) {
        const bool with_use = round % 4 == 0;
        const auto scan = proc::scan_holders(inodes, with_use);
        CHECK(held_in(scan) == held_by_kernel(inodes, with_use));
        CHECK(scan.by_inode.size() == 6);
    }
}

TEST_CASE("a number that means another process or file by now is read anew") {
    const Victim victim({"several-fds", "duplicates=2"});
    const std::uint64_t inode = victim.number("inode");
    const sys::KnownFd gone{victim.pid(), victim.pid(), 999, inode};
    const auto scan = proc::describe_holders(std::array{gone}, std::array{inode}, false);
    REQUIRE(scan.by_inode.at(inode).size() == 1);
    CHECK(scan.by_inode.at(inode)[0].fds.size() == 3);
}

TEST_CASE("without privilege the walk through /proc remains") {
    const Victim victim({"close-wait", "uid=65534"});
    const std::array inodes{victim.number("inode")};
    const int verdict = testing::in_child([&] {
        testing::become_nobody();
        const auto obstacle = bpf::obstacle();
        if (!obstacle || obstacle->why.empty()) return 1;
        return find_holders(inodes, false).by_inode.size() == 1 ? 0 : 2;
    });
    CHECK(verdict == 0);
}

}  // namespace
}  // namespace unwait
