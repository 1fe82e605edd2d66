// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "blocked_call.hpp"
#include "fd_info.hpp"
#include "file.hpp"
#include "file_identity.hpp"
#include "scan.hpp"
#include "victim.hpp"

namespace unwait::proc {
namespace {

using namespace unwait::testing;
using namespace std::string_literals;
using test::Victim;

TEST_CASE("a thread that waits for the fd is seen") {
    for (const std::string call : {"poll", "select", "read"}) {
        CAPTURE(call);
        const Victim victim({"blocked", "call=" + call});
        CHECK(only_fd(victim.number("inode")).use == FdUse{false, false, true});
    }
    const Victim victim({"sleepers", "threads=20"});
    CHECK(only_fd(victim.number("inode")).use == FdUse{});
}

TEST_CASE("membership in an epoll set is seen, by the file and not by the number") {
    const Victim victim({"in-epoll"});
    CHECK(only_fd(victim.number("inode")).use == FdUse{true, false, false, true});

    const sys::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    sys::Fd added = new_socket();
    epoll_event event{};
    REQUIRE(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, added.get(), &event) == 0);
    const int number = added.get();
    const sys::Fd kept(::fcntl(number, F_DUPFD_CLOEXEC, number + 1));
    added.reset();
    const sys::Fd other = new_socket();
    REQUIRE(other.get() == number);
    CHECK(only_fd(sys::inode_of(other.get())).use.beside_event_loop);
    CHECK(only_fd(sys::inode_of(kept.get())).use.in_epoll);
    CHECK_FALSE(only_fd(sys::inode_of(other.get())).use.in_epoll);
}

TEST_CASE("registration with an io_uring is seen") {
    io_uring_params parameters{};
    const sys::Fd ring(static_cast<int>(::syscall(SYS_io_uring_setup, 4U, &parameters)));
    REQUIRE(ring);
    const sys::Fd socket = new_socket();
    const int file = socket.get();
    CHECK(only_fd(sys::inode_of(file)).use == FdUse{false, false, false, true});
    REQUIRE(::syscall(SYS_io_uring_register, ring.get(), IORING_REGISTER_FILES, &file, 1U) == 0);
    const auto text = sys::read_file("/proc/self/fdinfo/" + std::to_string(ring.get())).value();
    // Where the kernel does not say which socket it is there is still the ring beside it.
    const auto registered = parse_io_uring_fdinfo(text);
    CHECK(registered.inodes.size() + registered.unnamed == 1);
    const bool is_named = registered.unnamed == 0;
    CHECK(only_fd(sys::inode_of(file)).use == FdUse{false, is_named, false, true});
}

TEST_CASE("a restarted call waits for fds only when it was a poll") {
    const auto awaited = [](const auto& memory) {
        const auto address = reinterpret_cast<std::uint64_t>(memory.data());
        const std::uint64_t count = memory.size() * sizeof memory[0] / sizeof(pollfd);
        return fds_awaited(::getpid(), {SYS_restart_syscall, {address, count, 0, 0, 0, 0}});
    };
    CHECK(awaited(std::array<pollfd, 3>{{{7, POLLIN, 0}, {-1, 0, 0}, {8, POLLOUT, 0}}}) ==
          std::vector{7, 8});
    CHECK(awaited(std::array<int, 4>{8, 0, 12, 0}) == std::vector<int>{});
    CHECK(awaited(std::array<int, 4>{8, POLLIN, 12, -1}) == std::vector<int>{});
}

TEST_CASE("use is read only when asked for") {
    const Victim victim({"in-epoll"});
    const auto holders = holders_of(victim.number("inode"), false);
    REQUIRE(holders.size() == 1);
    CHECK(holders.front().fds.front().use == FdUse{});
}

}  // namespace
}  // namespace unwait::proc
