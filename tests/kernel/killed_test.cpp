// SPDX-License-Identifier: MIT
// The surgeon may be killed, or stopped, at any instant: the target never pays.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "hitting.hpp"
#include "operating.hpp"

namespace unwait::test {
namespace {

using std::chrono::microseconds;

constexpr int fds_per_round = 12;

/// An unwait that operates on these fds; gets `signal` when `await` returns.
void operate_and_be_hit(const Victim& victim, const std::vector<std::uint64_t>& fds,
                        ptrace::Operation operation, Freeze freeze, int signal,
                        const Await& await) {
    const Cuts cuts(victim, fds);
    const auto patient = patient_of(victim, freeze);
    const auto work = [&] { static_cast<void>(ptrace::operate(patient, operation, cuts.cuts)); };
    run_and_hit(victim.pid(), work, signal, await);
}

microseconds usual_duration_of(Victim& victim) {
    return usual_duration([&](const Await& await) {
        const auto fds = open_files(victim, fds_per_round);
        operate_and_be_hit(victim, fds, ptrace::Operation::close, Freeze::all, SIGKILL, await);
        for (const auto fd : fds) victim.ask("close " + std::to_string(fd));
    });
}

/// `check` is asked about the victim after every few rounds.
template <typename Check>
void hit_often(Victim& victim, int times, Idle idle, Check&& check) {
    Moments moments(usual_duration_of(victim));
    const auto before = victim.fds();
    int completed = 0;
    int untouched = 0;
    for (int round = 0; round < times; ++round) {
        const auto fds = open_files(victim, fds_per_round);
        const bool replaces = round % 3 == 2;
        operate_and_be_hit(victim, fds,
                           replaces ? ptrace::Operation::replace : ptrace::Operation::close,
                           round % 4 == 3 ? Freeze::one : Freeze::all,
                           round % 10 == 9 ? SIGSTOP : SIGKILL, moments.next());
        REQUIRE(victim.alive());
        REQUIRE(eventually([&] { return is_free(victim.pid(), idle); }));
        const auto open = victim.fds();
        for (const auto fd : fds) {
            const bool is_open = open.contains(static_cast<int>(fd));
            completed += is_open ? 0 : 1;
            untouched += is_open && !replaces ? 1 : 0;
            if (is_open) victim.ask("close " + std::to_string(fd));
        }
        if (round % 25 == 24) check();
    }
    check();
    CHECK(victim.ask("errors").starts_with("0 "));
    // It was hit early and late.
    CHECK(completed > 0);
    CHECK(untouched > 0);
    CHECK(victim.fds() == before);
    // What was left behind does not keep the next one from its work.
    const Cuts cuts(victim, {victim.ask_number("open /dev/null")});
    const auto surgery = operate_patiently(patient_of(victim), ptrace::Operation::close, cuts.cuts);
    CHECK(surgery.refusal == "");
    CHECK(surgery.cuts.at(0).ending == ptrace::CutEnding::done);
}

}  // namespace

// But for one that aarch64 gives up where it must, see blob_aarch64.S: any thread may make the
// calls.
TEST_CASE("killed at any instant: no register changes") {
    for (const std::string mode : {"user", "getpid", "nanosleep", "futex", "poll"}) {
        CAPTURE(mode);
        Victim victim({"registers", "mode=" + mode, "but=x16"});
        const auto idle = mode == "user" || mode == "getpid" ? Idle::runs : Idle::sleeps;
        hit_often(victim, rounds_of_hitting() / 3, idle, [&] {
            const auto facts = victim.ask("regs");
            CAPTURE(facts);
            CHECK(facts.find(" broken=0 ") != std::string::npos);
        });
    }
}

TEST_CASE("killed at any instant: no register of the thread that makes the calls changes") {
    Victim victim({"registers", "mode=nanosleep", "filtered=1", "but=x16"});
    hit_often(victim, rounds_of_hitting() / 3, Idle::sleeps, [&] {
        const auto facts = victim.ask("regs");
        CAPTURE(facts);
        CHECK(facts.find(" broken=0 ") != std::string::npos);
    });
}

TEST_CASE("killed at any instant under a storm: no signal is lost or out of order") {
    for (const std::string mode : {"spin", "read"}) {
        CAPTURE(mode);
        Victim victim({"signal-order", "mode=" + mode});
        constexpr int storm = 20'000;
        bool is_storming = false;
        hit_often(victim, rounds_of_hitting(), Idle::runs, [&] {
            const auto facts = victim.ask("signals");
            CAPTURE(facts);
            if (is_storming) {
                const auto all = "received=" + std::to_string(storm) + " disordered=0 strange=0";
                CHECK(eventually([&] { return victim.ask("signals") == all; }));
            }
            victim.ask("storm " + std::to_string(storm));
            is_storming = true;
        });
    }
}

TEST_CASE("killed at any instant: blocking calls go on") {
    // Those that a stop itself disturbs see EINTR when the cure cannot come any more.
    Victim victim({"all-blocking-calls",
                   "only=read_pipe,accept,poll,poll_timeout,select,ppoll,futex_wait,futex_wait_"
                   "timeout,nanosleep,pause,wait4,flock,rt_sigsuspend,recvfrom,msgrcv"});
    const auto before = victim.ask("results");
    hit_often(victim, rounds_of_hitting(), Idle::sleeps,
              [&] { CHECK(victim.ask("results") == before); });
}

std::set<pid_t> children_of(pid_t parent) {
    std::ifstream file("/proc/self/task/" + std::to_string(parent) + "/children");
    return {std::istream_iterator<pid_t>(file), {}};
}

/// Kills the next child of the calling thread so long after it was born.
std::jthread kill_next_child(microseconds delay) {
    const pid_t parent = ::gettid();
    return std::jthread([=, known = children_of(parent)](const std::stop_token& stop) {
        std::set<pid_t> born;
        while (born.empty() && !stop.stop_requested()) {
            std::ranges::set_difference(children_of(parent), known,
                                        std::inserter(born, born.end()));
        }
        spin_for(delay);
        for (const pid_t child : born) ::kill(child, SIGKILL);
    });
}

TEST_CASE("killed at any instant: what is told of each number is what became of it") {
    Victim victim({"close-wait"});
    const auto before = victim.fds();
    std::mt19937 random(42);  // NOLINT(cert-msc51-cpp): the same rounds each time
    const auto longest = static_cast<int>(usual_duration_of(victim).count()) * 2;
    std::uniform_int_distribution<int> delays(0, longest);
    for (int round = 0; round < rounds_of_hitting(); ++round) {
        const bool replaces = round % 2 == 1;
        const auto fds = open_files(victim, fds_per_round);
        const auto opened = victim.fds();
        ptrace::Surgery surgery;
        {
            const Cuts cuts(victim, fds);
            const auto killer = kill_next_child(microseconds{delays(random)});
            surgery = ptrace::operate(
                patient_of(victim, round % 4 < 2 ? Freeze::all : Freeze::one),
                replaces ? ptrace::Operation::replace : ptrace::Operation::close, cuts.cuts);
        }
        REQUIRE(eventually([&] { return is_free(victim.pid(), Idle::sleeps); }));
        const auto now = victim.fds();
        for (std::size_t i = 0; i < fds.size(); ++i) {
            CAPTURE(round);
            CAPTURE(i);
            const auto fd = now.find(static_cast<int>(fds[i]));
            const bool is_untouched = fd != now.end() && *fd == *opened.find(fd->first);
            CHECK(surgery.cuts[i].ending ==
                  (is_untouched ? ptrace::CutEnding::untouched : ptrace::CutEnding::done));
            if (fd != now.end()) victim.ask("close " + std::to_string(fds[i]));
        }
    }
    CHECK(victim.ask("errors").starts_with("0 "));
    CHECK(victim.fds() == before);
}

}  // namespace unwait::test
