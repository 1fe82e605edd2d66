// SPDX-License-Identifier: MIT
// Who takes stacks may be killed, or stopped, at any instant: the target never pays.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "hitting.hpp"
#include "stack.hpp"
#include "stack_sample.hpp"

namespace unwait::test {
namespace {

using std::chrono::microseconds;

std::vector<pid_t> threads_of(const Victim& victim) {
    std::vector<pid_t> tids;
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(victim.pid()) + "/task")) {
        tids.push_back(std::stoi(task.path().filename().string()));
    }
    return tids;
}

/// Whether it ended before it was hit, and how often the one and the other happened.
struct Tally {
    int ended = 0;
    int hit = 0;
};

Tally hit_often(const Victim& victim, const std::function<void()>& work, int times) {
    Moments moments(usual_duration(
        [&](const Await& await) { run_and_hit(victim.pid(), work, SIGKILL, await); }));
    Tally tally;
    for (int round = 0; round < times; ++round) {
        const int signal = round % 10 == 9 ? SIGSTOP : SIGKILL;
        const bool ended = run_and_hit(victim.pid(), work, signal, moments.next());
        (ended ? tally.ended : tally.hit) += 1;
        REQUIRE(victim.alive());
        REQUIRE(eventually([&victim] { return is_free(victim.pid()); }));
    }
    return tally;
}

}  // namespace

TEST_CASE("killed while it takes stacks: no signal is lost, and nobody is left stopped") {
    for (const std::string mode : {"spin", "read"}) {
        CAPTURE(mode);
        Victim victim({"signal-order", "mode=" + mode, "busy=2"});
        const auto id = process_id(victim.pid());
        const auto tids = threads_of(victim);
        REQUIRE(tids.size() == 4);
        // All of it, and only what holds a thread.
        const std::vector<std::function<void()>> works{
            [&] { static_cast<void>(ptrace::stacks_of(id, tids)); },
            [&] {
                for (const pid_t tid : tids) static_cast<void>(ptrace::sample_stopped(id, tid));
            }};
        constexpr int times = 25;
        constexpr int storm = 20'000;
        Tally tally;
        for (int done = 0; done < rounds_of_hitting() / 2; done += 2 * times) {
            victim.ask("storm " + std::to_string(storm));
            for (const auto& work : works) {
                const auto some = hit_often(victim, work, times);
                tally = {tally.ended + some.ended, tally.hit + some.hit};
            }
            const auto all = "received=" + std::to_string(storm) + " disordered=0 strange=0";
            CHECK(eventually([&] { return victim.ask("signals") == all; }));
        }
        // It was hit early and late.
        CHECK(tally.ended > 0);
        CHECK(tally.hit > 0);
        CHECK(victim.ask("errors").starts_with("0 "));
        // And whoever comes later is told all; on a busy machine not at once.
        CHECK(eventually([&] {
            return std::ranges::none_of(ptrace::stacks_of(id, tids), [](const auto& entry) {
                return entry.second.frames.empty();
            });
        }));
    }
}

}  // namespace unwait::test
