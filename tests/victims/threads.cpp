// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "blocked.hpp"
#include "connections.hpp"
#include "old_calls.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

BlockingCall call_on(const std::string& name, int fd) {
    if (name == "poll") {
        return {name, call_of_poll, [fd] {
                    pollfd wanted{fd, 0, 0};
                    return poll(&wanted, 1, -1);
                }};
    }
    if (name == "select") {
        return {name, call_of_select, [fd] {
                    fd_set wanted;
                    FD_ZERO(&wanted);
                    FD_SET(fd, &wanted);
                    return call_select(fd + 1, &wanted);
                }};
    }
    if (name == "read") {
        return {name, SYS_read, [fd] {
                    char byte = 0;
                    return syscall(SYS_read, fd, &byte, 1);
                }};
    }
    if (name == "accept") {
        return {name, SYS_accept4,
                [fd] { return syscall(SYS_accept4, fd, nullptr, nullptr, SOCK_CLOEXEC); }};
    }
    errno = EINVAL;
    fail("call=" + name);
}

/// A thread blocked in call=poll|select on the CLOSE-WAIT fd, call=read on an ESTABLISHED one, or
/// call=accept on the listener.
void blocked(Stage& stage, const Arguments& arguments) {
    const std::string call = arguments.text("call", "poll");
    int fd = -1;
    if (call == "read") {
        const Server server(arguments);
        const Connection connection = server.establish();
        tell_connections(stage, server, {connection});
        stage.tell("peer_fd", connection.peer);
        fd = connection.fd;
    } else if (call == "accept") {
        const Server server(arguments);
        make_close_wait(stage, arguments);
        fd = server.fd();
    } else {
        fd = make_close_wait(stage, arguments)[0].fd;
    }
    stage.tell("tid", block_in(stage, call_on(call, fd)));
}

int watch(int epoll, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/// In an epoll set that a thread waits on. With ends=eintr the process exits with status 42 when
/// the wait is interrupted, as careless event loops do.
void in_epoll(Stage& stage, const Arguments& arguments) {
    const int fd = make_close_wait(stage, arguments)[0].fd;
    const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    // Edge-triggered: what has been said already, the FIN, does not wake it again.
    must(watch(epoll, fd, EPOLLIN | EPOLLRDHUP | EPOLLET), "epoll_ctl");
    epoll_event first{};
    must(epoll_wait(epoll, &first, 1, 0), "epoll_wait");
    stage.tell("epoll_fd", epoll);
    const bool ends = arguments.text("ends", "never") == "eintr";
    stage.tell("tid", block_in(stage, {"epoll_wait", call_of_epoll_wait, [epoll, ends] {
                                           epoll_event event{};
                                           const long count = epoll_wait(epoll, &event, 1, -1);
                                           if (ends && count == -1 && errno == EINTR) _exit(42);
                                           return count;
                                       }}));
}

/// A service as it should be: closes the fd when it hears of its end, and then says so in `closed`.
void closes_when_shut(Stage& stage, const Arguments& arguments) {
    int fd = make_close_wait(stage, arguments)[0].fd;
    static std::atomic<bool> closed{false};
    const int tid = block_in(stage, {"poll", call_of_poll, [fd]() mutable {
                                         pollfd wanted{fd, 0, 0};
                                         const long count = poll(&wanted, 1, -1);
                                         if (count == 1) {
                                             shut(fd);
                                             closed = true;
                                         }
                                         return count;
                                     }});
    stage.tell("tid", tid);
    stage.answer("closed", [](const std::string&) { return closed ? "1" : "0"; });
}

/// A thread that hears of the end of its connection in CLOSE-WAIT connects the socket anew. The
/// answer to `serves` is 1 when that has happened, and a byte passes.
void reconnects_when_shut(Stage& stage, const Arguments& arguments) {
    const Server server(arguments);
    Connection connection = server.establish();
    become_close_wait(connection, arguments);
    tell_connections(stage, server, {connection});
    const int fd = connection.fd;
    stage.tell("tid", block_in(stage, {"poll", call_of_poll, [fd, server] {
                                           pollfd wanted{fd, 0, 0};
                                           const long count = poll(&wanted, 1, -1);
                                           if (count == 1) server.reconnect(fd);
                                           return count;
                                       }}));
    stage.answer("serves", [fd, server](const std::string&) {
        pollfd wanted{server.fd(), POLLIN, 0};
        if (poll(&wanted, 1, 0) != 1) return "0";
        int peer = accept4(server.fd(), nullptr, nullptr, SOCK_CLOEXEC);
        char byte = '?';
        const bool passed = write(peer, "!", 1) == 1 && read(fd, &byte, 1) == 1 && byte == '!';
        shut(peer);
        return passed ? "1" : "0";
    });
}

std::uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

/// Longest time between two looks at the clock, of threads=N that do nothing else: the answer to
/// `gap`, in nanoseconds since the last `reset`.
void spinner(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    static std::list<std::atomic<std::uint64_t>> gaps;
    std::vector<int> tids;
    for (long i = arguments.number("threads", 1); i > 0; --i) {
        std::atomic<std::uint64_t>& gap = gaps.emplace_back(0);
        static std::atomic<int> tid;
        tid = 0;
        std::thread([&gap] {
            tid = gettid();
            for (std::uint64_t last = now_ns();;) {
                const std::uint64_t now = now_ns();
                if (now - last > gap) gap = now - last;
                last = now;
            }
        }).detach();
        await([] { return tid != 0; }, "a spinning thread");
        tids.push_back(tid);
    }
    stage.tell("tids", tids);
    stage.answer("gap", [](const std::string&) {
        std::uint64_t longest = 0;
        for (const auto& gap : gaps) longest = std::max<std::uint64_t>(longest, gap);
        return std::to_string(longest);
    });
    stage.answer("reset", [](const std::string&) {
        for (auto& gap : gaps) gap = 0;
        return "0";
    });
}

/// threads=N threads (default 10) that sleep for ever.
void sleepers(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    std::vector<int> tids;
    for (long i = arguments.number("threads", 10); i > 0; --i) {
        tids.push_back(block_in(stage, {"pause", call_of_pause, [] { return pause(); }}));
    }
    stage.tell("tids", tids);
}

/// Threads that begin and end continually; `started` counts them.
void churn(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    static std::atomic<std::uint64_t> started{0};
    for (long i = arguments.number("threads", 2); i > 0; --i) {
        std::thread([] {
            for (;;) std::thread([] { ++started; }).join();
        }).detach();
    }
    await([] { return started > 10; }, "threads that begin and end");
    stage.answer("started", [](const std::string&) { return std::to_string(started.load()); });
}

/// A terminal of which nobody reads what is written to it.
int open_terminal() {
    const int master = must(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt");
    must(grantpt(master), "grantpt");
    must(unlockpt(master), "unlockpt");
    return must(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "TIOCGPTPEER");
}

/// Threads that make calls all the time which do not block here, but look for signals as if they
/// did. One that fails is an error; `rounds` counts them.
void short_calls(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    static std::atomic<std::uint64_t> rounds{0};
    std::thread([terminal = open_terminal()] {
        for (;; ++rounds) {
            if (tcdrain(terminal) != 0) count_error("tcdrain");
        }
    }).detach();
    std::thread([file = must(memfd_create("allocated", MFD_CLOEXEC), "memfd_create")] {
        constexpr off_t size = 8 << 20;
        for (;; ++rounds) {
            if (fallocate(file, 0, 0, size) != 0) count_error("fallocate");
            must(ftruncate(file, 0), "ftruncate");
        }
    }).detach();
    stage.answer("rounds", [](const std::string&) { return std::to_string(rounds.load()); });
}

constexpr std::array table{
    NamedScenario{"blocked", blocked},
    NamedScenario{"in-epoll", in_epoll},
    NamedScenario{"spinner", spinner},
    NamedScenario{"closes-when-shut", closes_when_shut},
    NamedScenario{"reconnects-when-shut", reconnects_when_shut},
    NamedScenario{"sleepers", sleepers},
    NamedScenario{"churn", churn},
    NamedScenario{"short-calls", short_calls},
};

}  // namespace

std::span<const NamedScenario> thread_scenarios() { return table; }

}  // namespace victim
