// SPDX-License-Identifier: MIT
#include "hitting.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace unwait::test {
void spin_for(std::chrono::microseconds time) {
    using Clock = std::chrono::steady_clock;
    for (const auto end = Clock::now() + time; Clock::now() < end;) {
    }
}

int rounds_of_hitting() {
    const char* text = std::getenv("UNWAIT_ROUNDS");
    return text == nullptr ? 150 : std::atoi(text);
}

bool is_free(pid_t pid, Idle idle) {
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
        const auto tid = std::stoi(task.path().filename().string());
        const auto state = process_state(tid);
        if (tracer_of(tid) != "0" || state == "t" || state == "T") return false;
        if (idle == Idle::sleeps && state != "S") return false;
    }
    return true;
}

bool has_ended(pid_t child) {
    siginfo_t ended{};
    const auto id = static_cast<id_t>(child);
    REQUIRE(::waitid(P_PID, id, &ended, WEXITED | WNOHANG | WNOWAIT) == 0);
    return ended.si_pid == child;
}

bool run_and_hit(pid_t target, const std::function<void()>& body, int signal,
                 const std::function<void(pid_t)>& await) {
    const pid_t tool = ::fork();
    REQUIRE(tool >= 0);
    if (tool == 0) {
        ::setpgid(0, 0);
        body();
        ::_exit(0);
    }
    ::setpgid(tool, tool);
    await(tool);
    ::kill(-tool, signal);
    if (signal == SIGSTOP) {
        CHECK(eventually([target] { return is_free(target); }));
        ::kill(-tool, SIGKILL);
    }
    int status = 0;
    ::waitpid(tool, &status, 0);
    return WIFEXITED(status);
}

bool run_and_hit(pid_t target, const std::function<void()>& body, int signal,
                 std::chrono::microseconds delay) {
    return run_and_hit(target, body, signal, [delay](pid_t) { spin_for(delay); });
}

}  // namespace unwait::test
