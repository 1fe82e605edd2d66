// SPDX-License-Identifier: MIT
#include "holders.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "fd_links.hpp"
#include "file_identity.hpp"
#include "scan.hpp"
#include "victim.hpp"

namespace unwait::proc {
namespace {

using namespace unwait::testing;
using namespace std::string_literals;
using test::Victim;

bool is_blind_to(const HolderScan& scan, pid_t pid) {
    return std::ranges::any_of(scan.blind_spots, [pid](const BlindSpot& spot) {
        return spot.pid == pid && spot.code == blind_spot::process_unreadable;
    });
}

TEST_CASE("our own process is a holder like any other") {
    const sys::Fd socket = new_socket(false);
    const Holder holder = only_holder(sys::inode_of(socket.get()));
    CHECK(holder.process->id.pid == ::getpid());
    REQUIRE(holder.fds.size() == 1);
    CHECK(holder.fds.front().fd == socket.get());
    CHECK_FALSE(is_close_on_exec(::getpid(), holder.fds.front()));
}

TEST_CASE("every process that shares a socket is a holder") {
    SUBCASE("after fork") {
        Victim victim({"shared-by-fork", "children=3"});
        auto pids = victim.numbers("children");
        pids.push_back(static_cast<std::uint64_t>(victim.pid()));
        std::ranges::sort(pids);
        std::vector<std::uint64_t> found;
        for (const Holder& holder : holders_of(victim.number("inode"))) {
            found.push_back(static_cast<std::uint64_t>(holder.process->id.pid));
        }
        CHECK(found == pids);
    }
    SUBCASE("by one fd table") {
        Victim victim({"clone-files"});
        const auto holders = holders_of(victim.number("inode"));
        REQUIRE(holders.size() == 2);
        const auto sharer = static_cast<pid_t>(victim.number("sharer"));
        CHECK(sys::same_fd_table(victim.pid(), sharer) == sys::Same::yes);
        CHECK(holders[0].fds[0].fd == holders[1].fds[0].fd);
    }
}

TEST_CASE("every number of a socket is found, in a table with gaps too") {
    std::size_t duplicates = 200;
    std::size_t first_gap = 0;
    std::size_t behind_gaps = duplicates;
    SUBCASE("of a small table") {}
    SUBCASE("of one that several threads read") {
        duplicates = 5000;
        SUBCASE("with gaps for the first") { behind_gaps = 3000; }
        SUBCASE("with gaps for the second") {
            first_gap = 1500;
            behind_gaps = 2500;
        }
        SUBCASE("with few gaps") {
            first_gap = 4000;
            behind_gaps = 4050;
        }
    }
    Victim victim({"several-fds", "duplicates=" + std::to_string(duplicates)});
    const auto opened = victim.numbers("duplicates");
    std::vector<std::uint64_t> kept = {static_cast<std::uint64_t>(victim.fd())};
    for (std::size_t i = 0; i < opened.size(); ++i) {
        if (i < first_gap || i >= behind_gaps || i % 7 == 0) {
            kept.push_back(opened[i]);
        } else {
            victim.ask("close " + std::to_string(opened[i]));
        }
    }
    std::ranges::sort(kept);
    std::vector<std::uint64_t> found;
    for (const HeldFd& held : only_holder(victim.number("inode")).fds) {
        found.push_back(static_cast<std::uint64_t>(held.fd));
    }
    CHECK(found == kept);
}

TEST_CASE("no number is missed while lower ones come and go") {
    const sys::Fd socket = new_socket();
    const sys::Fd high(::fcntl(socket.get(), F_DUPFD_CLOEXEC, socket.get() + 20));
    REQUIRE(high);
    const std::uint64_t inode = sys::inode_of(high.get());
    std::jthread churn([](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::array<sys::Fd, 4> opened;
            for (auto& fd : opened) fd = new_socket();
        }
    });
    for (int i = 0; i < 300; ++i) {
        const auto fds = only_holder(inode).fds;
        REQUIRE(std::ranges::find(fds, high.get(), &HeldFd::fd) != fds.end());
    }
}

TEST_CASE("a thread with a table of its own holds what the process does not") {
    Victim victim({"private-fd-table"});
    const auto tid = static_cast<pid_t>(victim.number("tid"));
    const HeldFd held = only_fd(victim.number("inode"));
    CHECK(held.tid == tid);
    CHECK(held.fd == victim.fd());
    CHECK(sys::same_fd_table(victim.pid(), tid) == sys::Same::no);
    const std::uint64_t inode = victim.number("inode");
    CHECK(FdLinks(victim.pid(), tid).leads_to(held.fd, inode) == true);
    CHECK(FdLinks(victim.pid(), tid).leads_to(held.fd, inode + 1) == false);
    CHECK(FdLinks(victim.pid(), victim.pid()).leads_to(held.fd, inode) == false);
}

TEST_CASE("each question about a link is answered by what is open just then") {
    sys::Fd socket = new_socket();
    const sys::Fd other = new_socket();
    const int number = socket.get();
    const std::uint64_t inode = sys::inode_of(number);
    const FdLinks links(::getpid(), ::gettid());
    CHECK(links.leads_to(number, inode) == true);
    socket.reset();
    CHECK(links.leads_to(number, inode) == false);
    REQUIRE(::dup3(other.get(), number, O_CLOEXEC) == number);
    socket = sys::Fd(number);
    CHECK(links.leads_to(number, inode) == false);
    CHECK(links.leads_to(number, sys::inode_of(number)) == true);
}

TEST_CASE("each of many tables is found once, whichever threads share it") {
    constexpr std::ptrdiff_t tables = 20;
    const sys::Fd socket = new_socket();
    std::latch ready(2 * tables);
    std::latch release(1);
    const auto wait = [&] {
        ready.count_down();
        release.wait();
    };
    std::vector<std::jthread> threads;
    for (std::ptrdiff_t i = 0; i < tables; ++i) {
        threads.emplace_back([&wait] {
            const bool has_own_table = ::unshare(CLONE_FILES) == 0;
            const std::jthread sharer(wait);  // inherits the table
            wait();
            CHECK(has_own_table);
        });
    }
    ready.wait();
    const auto fds = only_holder(sys::inode_of(socket.get())).fds;
    release.count_down();
    CHECK(fds.size() == tables + 1);
    CHECK(std::ranges::all_of(fds, [&](const HeldFd& held) { return held.fd == socket.get(); }));
    CHECK(std::ranges::adjacent_find(fds, {}, &HeldFd::tid) == fds.end());
}

TEST_CASE("the threads of a zombie leader hold its sockets and describe it") {
    Victim victim({"zombie-leader"});
    const Holder holder = only_holder(victim.number("inode"));
    REQUIRE(holder.fds.size() == 1);
    CHECK(holder.fds.front().tid == static_cast<pid_t>(victim.number("tid")));
    CHECK(holder.process->id.pid == victim.pid());
    CHECK(holder.process->state == 'Z');
    CHECK_FALSE(holder.process->exe.empty());
    CHECK(holder.process->netns != 0);
    CHECK(holder.process->fd_count == victim.fds().size());
}

TEST_CASE("a socket in flight has no holder") {
    const Victim victim({"in-flight"});
    CHECK(holders_of(victim.number("inode")).empty());
}

TEST_CASE("who may not be read is a blind spot, but for kernel threads and zombies") {
    const Victim theirs({"close-wait"});
    const Victim hidden({"close-wait", "uid=65534", "nodump=1"});
    const Victim ours({"close-wait", "uid=65534"});
    const pid_t zombie = make_zombie();
    const int verdict = in_child([&] {
        become_nobody();
        const std::array inodes = {theirs.number("inode"), hidden.number("inode"),
                                   ours.number("inode")};
        const HolderScan scan = scan_holders(inodes, true);
        if (!is_blind_to(scan, theirs.pid()) || !is_blind_to(scan, hidden.pid())) return 1;
        if (is_blind_to(scan, ours.pid()) || is_blind_to(scan, zombie)) return 2;
        if (is_blind_to(scan, 2)) return 3;  // kthreadd
        if (scan.by_inode.size() != 1 || !scan.by_inode.contains(ours.number("inode"))) return 4;
        return FdLinks(theirs.pid(), theirs.pid()).leads_to(3, 1) ? 5 : 0;
    });
    CHECK(verdict == 0);
    CHECK(::waitpid(zombie, nullptr, 0) == zombie);
}

TEST_CASE("nothing is read when nothing is looked for") {
    const int verdict = in_child([] {
        become_nobody();
        const HolderScan scan = scan_holders(std::array<std::uint64_t, 1>{0}, true);
        return scan.by_inode.empty() && scan.blind_spots.empty() ? 0 : 1;
    });
    CHECK(verdict == 0);
}

TEST_CASE("processes and threads that come and go do not disturb the walk") {
    const Victim churn({"churn", "threads=4"});
    const sys::Fd socket = new_socket();
    const std::uint64_t inode = sys::inode_of(socket.get());
    for (int round = 0; round < 20; ++round) {
        std::vector<pid_t> children;
        for (int i = 0; i < 20; ++i) {
            const pid_t child = ::fork();
            if (child == 0) ::_exit(0);
            children.push_back(child);
        }
        const auto scan = scan_holders(std::array{inode, churn.number("inode")}, true);
        CHECK(scan.by_inode.at(churn.number("inode")).size() == 1);
        CHECK(std::ranges::any_of(scan.by_inode.at(inode), [](const Holder& holder) {
            return holder.process->id.pid == ::getpid();
        }));
        for (const pid_t child : children) CHECK(::waitpid(child, nullptr, 0) == child);
    }
}

}  // namespace
}  // namespace unwait::proc
