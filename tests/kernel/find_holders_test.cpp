// SPDX-License-Identifier: MIT
#include "find_holders.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "fd.hpp"
#include "file_identity.hpp"
#include "hitting.hpp"
#include "processors.hpp"
#include "scan.hpp"
#include "socket_fd.h"
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

/// By a program in the kernel.
std::variant<std::vector<sys::KnownFd>, bpf::Unavailable> fds_in_kernel(
    std::span<const std::uint64_t> inodes) {
    auto search = bpf::SocketFdSearch::prepare();
    if (auto* why = std::get_if<bpf::Unavailable>(&search)) return std::move(*why);
    return std::get<bpf::SocketFdSearch>(search).find(inodes);
}

std::string held_by_kernel(std::span<const std::uint64_t> inodes, bool with_use) {
    const auto fds = fds_in_kernel(inodes);
    if (const auto* none = std::get_if<bpf::Unavailable>(&fds)) FAIL(none->why);
    return held_in(
        proc::describe_holders(std::get<std::vector<sys::KnownFd>>(fds), inodes, with_use));
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

/// Whether this kernel takes our program; says why where it does not.
bool takes_programs() {
    const auto obstacle = bpf::obstacle();
    if (obstacle) MESSAGE("not tested: " << obstacle->why);
    return !obstacle;
}

TEST_CASE("a program in the kernel finds the same holders as a walk through /proc") {
    if (!takes_programs()) return;
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

/// Those of this process among them.
std::vector<int> found_here(std::uint64_t inode) {
    std::vector<int> fds;
    const auto everybody = fds_in_kernel(std::array{inode});
    if (const auto* found = std::get_if<std::vector<sys::KnownFd>>(&everybody)) {
        for (const sys::KnownFd& each : *found) {
            if (each.pid == ::getpid()) fds.push_back(each.fd);
        }
    }
    return fds;
}

/// A child that may use so many processors looks for more fds than a search has room for.
int search_in_child(int processors) {
    return testing::in_child([processors] {
        const testing::Processors ours(0, testing::some_of(testing::our_processors(), processors));
        constexpr int duplicates = bpf::SocketFdSearch::usual_room + 100;
        static_assert(duplicates > UNWAIT_FDS_OF_A_WALK);
        constexpr int from = 1000;
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = from + duplicates;
        limit.rlim_max = std::max(limit.rlim_max, limit.rlim_cur);
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
        const sys::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        std::vector<int> expected{socket.get()};
        for (int i = 0; i < duplicates; ++i) {
            expected.push_back(::fcntl(socket.get(), F_DUPFD_CLOEXEC, from));
        }
        return found_here(sys::inode_of(socket.get())) == expected ? 0 : 2;
    });
}

TEST_CASE("a program is loaded although signals come meanwhile") {
    using Clock = std::chrono::steady_clock;
    if (!takes_programs()) return;
    static std::atomic<int> signals;
    struct sigaction handler {};
    handler.sa_handler = [](int) { ++signals; };
    struct sigaction before {};
    REQUIRE(::sigaction(SIGUSR1, &handler, &before) == 0);
    const auto begun = Clock::now();
    static_cast<void>(bpf::SocketFdSearch::prepare());
    const auto usual = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
    constexpr int rounds = 100;
    for (int round = 0; round < rounds; ++round) {
        // One signal, at each hundredth of the time that a load takes.
        const std::jthread other([loader = ::pthread_self(), delay = usual * round / rounds] {
            test::spin_for(delay);
            ::pthread_kill(loader, SIGUSR1);
        });
        const auto search = bpf::SocketFdSearch::prepare();
        if (const auto* none = std::get_if<bpf::Unavailable>(&search)) FAIL_CHECK(none->why);
    }
    REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
    CHECK(signals == rounds);
}

TEST_CASE("a program in the kernel finds more fds than expected, and numbers of any size") {
    if (!takes_programs()) return;
    CHECK(search_in_child(1) == 0);
    CHECK(search_in_child(2) == 0);
    CHECK(search_in_child(3) == 0);
}

TEST_CASE("a file in another filesystem is not taken for the socket with its number") {
    if (!takes_programs()) return;
    const sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{AF_UNIX, "/tmp/unwait-test-XXXXXX"};
    const sys::Fd reserved(::mkostemp(address.sun_path, O_CLOEXEC));
    REQUIRE(::unlink(address.sun_path) == 0);
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const sys::Fd file(::open(address.sun_path, O_PATH | O_CLOEXEC));
    REQUIRE(::unlink(address.sun_path) == 0);
    REQUIRE(file);
    CHECK(found_here(sys::inode_of(socket.get())) == std::vector{socket.get()});
    CHECK(found_here(sys::inode_of(file.get())).empty());
}

TEST_CASE("a number that means another process or file by now is read anew") {
    const Victim victim({"several-fds", "duplicates=2"});
    const std::uint64_t inode = victim.number("inode");
    const sys::KnownFd gone{victim.pid(), victim.pid(), 999, inode};
    for (const bool with_use : {false, true}) {
        const auto scan = proc::describe_holders(std::array{gone}, std::array{inode}, with_use);
        REQUIRE(scan.by_inode.at(inode).size() == 1);
        CHECK(scan.by_inode.at(inode)[0].fds.size() == 3);
    }
}

TEST_CASE("without privilege the walk through /proc remains") {
    const Victim victim({"close-wait", "uid=65534"});
    const std::array inodes{victim.number("inode")};
    const int verdict = testing::in_child([&] {
        testing::become_nobody();
        const auto obstacle = bpf::obstacle();
        if (!obstacle || obstacle->why.empty()) return 1;
        return HolderSearch().find(inodes, false).by_inode.size() == 1 ? 0 : 2;
    });
    CHECK(verdict == 0);
}

}  // namespace
}  // namespace unwait
