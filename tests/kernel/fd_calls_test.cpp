// SPDX-License-Identifier: MIT
// Every call with a wanted number is counted, and no other.
#include "fd_calls.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <thread>
#include <variant>

#include "call_name.hpp"
#include "fd.hpp"

namespace unwait::test {
namespace {

/// Absent where the kernel takes no such program.
std::optional<bpf::FdCallCounter> begin(const std::vector<bpf::ProcessFd>& fds) {
    auto begun = bpf::FdCallCounter::begin(fds);
    if (const auto* why = std::get_if<bpf::Unavailable>(&begun)) {
        MESSAGE("not tested: " << why->why);
        return std::nullopt;
    }
    return std::move(std::get<bpf::FdCallCounter>(begun));
}

std::uint64_t count(const bpf::FdCallCounter& counter, int fd, long number, int argument) {
    const auto counts = counter.counts();
    const auto found = std::ranges::find_if(counts, [&](const bpf::FdCalls& each) {
        return each.of == bpf::ProcessFd{::getpid(), fd} && each.number == number &&
               each.argument == argument;
    });
    return found == counts.end() ? 0 : found->count;
}

struct Pair {
    Pair() {
        std::array<int, 2> fds{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
        one = sys::Fd(fds[0]);
        other = sys::Fd(fds[1]);
    }
    sys::Fd one, other;
};

}  // namespace

TEST_CASE("all calls with an fd are counted, from the beginning to the end, in all threads") {
    const Pair pair;
    const int fd = pair.one.get();
    char byte = 0;
    CHECK(::read(fd, &byte, 1) == -1);  // before
    const auto counter = begin({{::getpid(), fd}});
    if (!counter) return;
    constexpr int rounds = 10'000;
    const auto read_often = [&] {
        for (int round = 0; round < rounds; ++round)
            static_cast<void>(::syscall(SYS_read, fd, &byte, 1));
    };
    std::thread other(read_often);
    read_often();
    other.join();
    CHECK(count(*counter, fd, SYS_read, 0) == 2 * rounds);

    const sys::Fd set(::epoll_create1(0));
    epoll_event event{};
    REQUIRE(::epoll_ctl(set.get(), EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(count(*counter, fd, SYS_epoll_ctl, 2) == 1);
    REQUIRE(::dup3(pair.other.get(), fd, O_CLOEXEC) == fd);
    CHECK(count(*counter, fd, SYS_dup3, 1) == 1);

    // What is done to other numbers, or by other processes, is nobody's business.
    static_cast<void>(::syscall(SYS_read, pair.other.get(), &byte, 1));
    for (const auto& each : counter->counts()) CHECK(each.of == bpf::ProcessFd{::getpid(), fd});
    CHECK(count(*counter, fd, SYS_read, 0) == 2 * rounds);
}

TEST_CASE("numbers are told apart, and those of another process are not ours") {
    const Pair pair;
    char byte = 0;
    const auto counter = begin({{::getpid(), pair.one.get()},
                                {::getpid(), pair.other.get()},
                                {::getppid(), pair.one.get()}});
    if (!counter) return;
    static_cast<void>(::syscall(SYS_read, pair.one.get(), &byte, 1));
    static_cast<void>(::syscall(SYS_write, pair.other.get(), &byte, 1));
    static_cast<void>(::syscall(SYS_write, pair.other.get(), &byte, 1));
    CHECK(count(*counter, pair.one.get(), SYS_read, 0) == 1);
    CHECK(count(*counter, pair.other.get(), SYS_write, 0) == 2);
    CHECK(count(*counter, pair.one.get(), SYS_write, 0) == 0);
}

TEST_CASE("which arguments are fds") {
    CHECK(proc::takes_fd(SYS_read, 0));
    CHECK_FALSE(proc::takes_fd(SYS_read, 1));
    CHECK_FALSE(proc::takes_fd(SYS_read, 2));  // a size may look like a number
    CHECK(proc::takes_fd(SYS_splice, 2));
    CHECK(proc::takes_fd(SYS_dup3, 1));
    CHECK(proc::takes_fd(SYS_epoll_ctl, 2));
    CHECK_FALSE(proc::takes_fd(SYS_epoll_ctl, 0));
    CHECK_FALSE(proc::takes_fd(SYS_futex, 0));
    CHECK_FALSE(proc::takes_fd(SYS_exit_group, 0));
    CHECK(proc::call_name(SYS_epoll_ctl) == "epoll_ctl");
}

}  // namespace unwait::test
