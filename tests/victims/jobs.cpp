// SPDX-License-Identifier: MIT
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

/// What a parent is told of its child: as SIGCHLD, and by waitpid(2).
struct Told {
    std::atomic<int> stopped{0};
    std::atomic<int> continued{0};
    std::atomic<int> others{0};
};
Told by_signal;
Told by_wait;

void on_child(int, siginfo_t* info, void*) {
    switch (info->si_code) {
        case CLD_STOPPED:
            ++by_signal.stopped;
            break;
        case CLD_CONTINUED:
            ++by_signal.continued;
            break;
        default:
            ++by_signal.others;
    }
}

std::string text_of(const Told& told) {
    return std::to_string(told.stopped) + "," + std::to_string(told.continued) + "," +
           std::to_string(told.others);
}

void wait_for_changes(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED | __WALL) > 0) {
        Told& told = by_wait;
        ++(WIFSTOPPED(status) ? told.stopped : WIFCONTINUED(status) ? told.continued : told.others);
    }
}

/// A child with two threads, which holds the sockets, too, and a parent that counts what it is told
/// of it: the answer to `changes` is signals=STOPPED,CONTINUED,OTHERS
/// waits=STOPPED,CONTINUED,OTHERS.
void watched_child(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    struct sigaction action {};
    action.sa_sigaction = on_child;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    must(sigaction(SIGCHLD, &action, nullptr), "sigaction");
    const pid_t child = fork_child();
    if (child == 0) {
        std::thread([] {
            for (;;) pause();
        }).detach();
        for (;;) pause();
    }
    stage.tell("child", child);
    stage.answer("changes", [child](const std::string&) {
        wait_for_changes(child);
        return "signals=" + text_of(by_signal) + " waits=" + text_of(by_wait);
    });
}

constexpr std::array table{NamedScenario{"watched-child", watched_child}};

}  // namespace

std::span<const NamedScenario> job_scenarios() { return table; }

}  // namespace victim
