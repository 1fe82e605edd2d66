// SPDX-License-Identifier: MIT
#include "hitting.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace unwait::test {
namespace {

bool has_ended(pid_t child) {
    siginfo_t ended{};
    const auto id = static_cast<id_t>(child);
    REQUIRE(::waitid(P_PID, id, &ended, WEXITED | WNOHANG | WNOWAIT) == 0);
    return ended.si_pid == child;
}

/// The processor is as busy meanwhile as it is while a delay passes.
void await_end(pid_t tool) {
    while (!has_ended(tool)) {
    }
}

}  // namespace

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

bool run_and_hit(pid_t target, const std::function<void()>& body, int signal, const Await& await) {
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

std::chrono::microseconds usual_duration(const std::function<void(const Await&)>& run) {
    using Clock = std::chrono::steady_clock;
    std::array<Clock::duration, 5> durations{};
    for (auto& duration : durations) {
        run([&duration](pid_t tool) {
            const auto begin = Clock::now();
            await_end(tool);
            duration = Clock::now() - begin;
        });
    }
    std::ranges::sort(durations);
    return std::chrono::duration_cast<std::chrono::microseconds>(durations[durations.size() / 2]);
}

Await Moments::next() {
    const int count = count_++ % 10;
    if (count == 4) return await_end;
    const std::chrono::microseconds delay{count == 1 ? 0 : delays_(random_)};
    return [delay](pid_t) { spin_for(delay); };
}

}  // namespace unwait::test
