// SPDX-License-Identifier: MIT
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "blocked.hpp"
#include "connections.hpp"
#include "old_calls.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

std::atomic<std::uint64_t> received{0};
std::atomic<std::uint64_t> disordered{0};
std::atomic<std::uint64_t> strange{0};
std::atomic<pid_t> sender{0};

/// Real-time signals are queued and keep their order: each must come once, with the next number.
void on_signal(int, siginfo_t* info, void*) {
    if (info->si_code != SI_QUEUE || info->si_pid != sender) ++strange;
    if (static_cast<std::uint64_t>(info->si_value.sival_int) != received) ++disordered;
    ++received;
}

[[noreturn]] void send_storm(pid_t victim, int count, int begin) {
    char byte = 0;
    if (read(begin, &byte, 1) != 1) _exit(1);
    for (int i = 0; i < count; ++i) {
        while (sigqueue(victim, SIGRTMIN, {.sival_int = i}) == -1) {
            // EAGAIN: the queue is full until the victim has handled some.
            if (errno != EAGAIN) _exit(1);
        }
    }
    _exit(0);
}

/// Begins only once the child's pid is known to the handler.
pid_t start_storm(int count) {
    std::array<int, 2> begin{};
    must(pipe(begin.data()), "pipe");
    const pid_t victim = getpid();
    received = 0;
    sender = fork_child();
    if (sender == 0) send_storm(victim, count, begin[0]);
    must(write(begin[1], "x", 1), "write");
    shut(begin[0]);
    shut(begin[1]);
    return sender;
}

/// A thread (mode=spin: always in user mode, mode=read: blocked in a read) that takes every
/// SIGRTMIN, and busy=0 others that only run. `storm N` has a child send N of them; `signals` tells
/// received, disordered (lost or out of order) and strange (whose siginfo is not the sender's).
void signal_order(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    must(sigaction(SIGRTMIN, &action, nullptr), "sigaction");
    static std::array<int, 2> silence{};
    must(pipe(silence.data()), "pipe");
    static std::atomic<int> tid{0};
    std::thread([spins = arguments.text("mode", "spin") == "spin"] {
        tid = gettid();
        while (spins) continue;
        char byte = 0;
        if (read(silence[0], &byte, 1) == -1) count_error("a restartable read under signals");
    }).detach();
    await([] { return tid != 0; }, "the thread that takes signals");
    stage.tell("tid", tid);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGRTMIN);
    must(pthread_sigmask(SIG_BLOCK, &mask, nullptr), "pthread_sigmask");
    for (long left = arguments.number("busy", 0); left > 0; --left) {
        std::thread([] {
            while (tid != 0) continue;
        }).detach();
    }
    stage.answer("storm", [](const std::string& count) {
        return std::to_string(start_storm(std::atoi(count.c_str())));
    });
    stage.answer("signals", [](const std::string&) {
        while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
        return "received=" + std::to_string(received) +
               " disordered=" + std::to_string(disordered) + " strange=" + std::to_string(strange);
    });
}

/// A thread waits for events, while signals that the process ignores come all the time.
void ignored_signals(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    stage.tell("tid", block_in(stage, {"epoll_wait", call_of_epoll_wait, [epoll] {
                                           epoll_event event{};
                                           return epoll_wait(epoll, &event, 1, -1);
                                       }}));
    const pid_t victim = getpid();
    if (fork_child() != 0) return;
    while (kill(victim, SIGWINCH) == 0) continue;
    _exit(0);
}

/// The calls with a mask of their own, by name, each of them with this one and otherwise for ever.
std::map<std::string, std::function<long()>> masked_calls(const std::uint64_t* mask) {
    constexpr std::size_t size = sizeof *mask;
    struct Sized {
        const std::uint64_t* mask;
        std::size_t size;
    };
    const Sized sized{mask, size};
    static io_event event{};
    return {
        {"rt_sigsuspend", [mask] { return syscall(SYS_rt_sigsuspend, mask, size); }},
        {"ppoll", [mask] { return syscall(SYS_ppoll, nullptr, 0, nullptr, mask, size); }},
        {"pselect6",
         [sized] { return syscall(SYS_pselect6, 0, nullptr, nullptr, nullptr, nullptr, &sized); }},
        {"epoll_pwait",
         [mask] {
             const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
             return syscall(SYS_epoll_pwait, epoll, &event, 1, -1, mask, size);
         }},
        {"epoll_pwait2",
         [mask] {
             const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
             return syscall(SYS_epoll_pwait2, epoll, &event, 1, nullptr, mask, size);
         }},
        {"io_pgetevents",
         [sized] {
             aio_context_t context = 0;
             must(static_cast<int>(syscall(SYS_io_setup, 1, &context)), "io_setup");
             return syscall(SYS_io_pgetevents, context, 1, 1, &event, nullptr, &sized);
         }},
        {"io_uring_enter",
         [mask] {
             io_uring_params parameters{};
             const auto ring = syscall(SYS_io_uring_setup, 1, &parameters);
             return syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, mask, size);
         }},
    };
}

/// A process of its own in a call (call=NAME) that keeps off SIGUSR2, for which it has a handler.
/// It ends when the call does.
void masked_call(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    const std::uint64_t mask = std::uint64_t{1} << (SIGUSR2 - 1);
    const auto call = masked_calls(&mask).at(arguments.text("call", ""));
    const pid_t waiter = fork_child();
    if (waiter == 0) {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        must(sigaction(SIGUSR2, &action, nullptr), "sigaction");
        call();
        _exit(0);
    }
    stage.tell("waiter", waiter);
}

constexpr std::array table{NamedScenario{"signal-order", signal_order},
                           NamedScenario{"ignored-signals", ignored_signals},
                           NamedScenario{"masked-call", masked_call}};

}  // namespace

std::span<const NamedScenario> signal_scenarios() { return table; }

}  // namespace victim
