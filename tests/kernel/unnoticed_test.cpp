// SPDX-License-Identifier: MIT
// What nobody would look for, and a target may rely on.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

#include "hitting.hpp"
#include "operating.hpp"
#include "surgeon.hpp"

namespace unwait::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using ptrace::CutEnding;
using ptrace::Operation;

void operate_once(Victim& victim, int round) {
    const Cuts cuts(victim, {victim.ask_number("open /dev/null")});
    const auto surgery =
        operate_patiently(patient_of(victim, round % 4 < 2 ? Freeze::all : Freeze::one),
                          round % 2 == 0 ? Operation::close : Operation::replace, cuts.cuts);
    CHECK(surgery.refusal == "");
    CHECK(surgery.cuts[0].ending == CutEnding::done);
}

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// All that /proc shows of a process and does not change by itself, by file and line.
std::map<std::string, std::string> picture_of(pid_t pid) {
    std::map<std::string, std::string> picture;
    const std::filesystem::path process = "/proc/" + std::to_string(pid);
    for (const std::string name : {"limits", "maps", "auxv", "environ", "cmdline", "personality",
                                   "oom_score_adj", "coredump_filter", "timerslack_ns", "cgroup"}) {
        picture[name] = text_of(process / name);
    }
    for (const auto& task : std::filesystem::directory_iterator(process / "task")) {
        const std::string tid = task.path().filename();
        std::ifstream status(task.path() / "status");
        for (std::string line; std::getline(status, line);) {
            const std::string name = line.substr(0, line.find(':'));
            const bool varies = name == "State" || name == "SigQ" || name.starts_with("Vm") ||
                                name.starts_with("Rss") || name.ends_with("ctxt_switches");
            if (!varies) picture[tid + " " + name] = line;
        }
        // Nice values, the scheduler's class and priority: fields 18, 19, 40 and 41.
        const std::string stat = text_of(task.path() / "stat");
        std::istringstream fields(stat.substr(stat.rfind(')') + 2));
        std::string value;
        for (int field = 3; fields >> value; ++field) {
            if (field == 18 || field == 19 || field == 40 || field == 41) {
                picture[tid + " stat " + std::to_string(field)] = value;
            }
        }
    }
    return picture;
}

}  // namespace

TEST_CASE("a restartable sequence that is left is ended where it says") {
    Victim victim({"sequences", "filtered=1"});
    const auto tells = ptrace::rehearse(patient_of(victim), Operation::close).tells_sequences;
    if (!tells || victim.fact("registered") == "0") {
        MESSAGE("not on this kernel: whose restartable sequences can be told");
        return;
    }
    const auto number = [&](const char* what) {
        return std::stoull(victim.ask_facts("sequences").at(what));
    };
    // How many stops meet it in one is left to chance.
    const auto enough = number("aborted") + 100;
    int round = 0;
    CHECK(eventually([&] {
        operate_once(victim, round++);
        return number("aborted") >= enough;
    }));
    CHECK(number("broken") == 0);
    CHECK(victim.ask("errors").starts_with("0 "));
}

TEST_CASE("what is left of a timeout stays as it was") {
    constexpr auto timeout = slowness * 2000ms;
    constexpr auto operating = timeout * 3 / 4;
    const auto begun = Clock::now();
    Victim victim({"all-blocking-calls",
                   "only=nanosleep,clock_nanosleep,clock_nanosleep_deadline,poll_timeout,"
                   "ppoll_timeout,select_timeout,pselect6_timeout,futex_wait_timeout,"
                   "futex_wait_bitset_deadline,futex_waitv_deadline,futex_lock_pi_deadline",
                   "timeout_ms=" + std::to_string(timeout.count())});
    int rounds = 0;
    while (Clock::now() < begun + operating) operate_once(victim, rounds++);
    CHECK(rounds > 3);
    const auto is_over = [&] { return victim.ask("results").find("blocked") == std::string::npos; };
    CHECK(eventually(is_over));
    const auto results = victim.ask_facts("results");
    CHECK(results.size() >= 8);
    for (const auto& [name, result] : results) {
        CAPTURE(name);
        CAPTURE(result);
        const auto took =
            std::chrono::milliseconds(std::stoi(result.substr(result.rfind(':') + 1)));
        // Deadlines were set before the calls were made.
        CHECK((took >= timeout || name.ends_with("deadline")));
        // One that began anew at the last stop would take more.
        CHECK(took < timeout + operating);
    }
    CHECK(victim.ask("errors").starts_with("0 "));
}

TEST_CASE("nothing else about a process changes") {
    for (const std::string scenario : {"all-blocking-calls", "sleepers", "registers"}) {
        CAPTURE(scenario);
        Victim victim({scenario});
        for (int round = 0; round < 4; ++round) operate_once(victim, round);
        const auto fds = victim.fds();
        const auto before = picture_of(victim.pid());
        for (int round = 0; round < 20; ++round) operate_once(victim, 2 * round);  // closes
        CHECK(victim.fds() == fds);
        for (const auto& [what, now] : picture_of(victim.pid())) {
            CAPTURE(what);
            CHECK(now == before.at(what));
        }
    }
}

}  // namespace unwait::test
