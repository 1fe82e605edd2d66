// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "file_identity.hpp"
#include "hitting.hpp"
#include "operating.hpp"
#include "pidfd.hpp"
#include "surgeon.hpp"

/// 32-bit programs and 32-bit calls on an x86-64 kernel, and segments.
namespace unwait::test {
namespace {

using ptrace::CutEnding;
using ptrace::Operation;

void operate_again_and_again(Victim& victim, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        const Cuts cuts(victim, {victim.ask_number("open /dev/null")});
        const auto surgery =
            operate_patiently(patient_of(victim, round % 2 == 0 ? Freeze::all : Freeze::one),
                              round % 4 < 2 ? Operation::replace : Operation::close, cuts.cuts);
        CHECK(surgery.refusal == "");
        CHECK(surgery.cuts[0].ending == CutEnding::done);
    }
    CHECK(victim.alive());
    CHECK(tracer_of(victim.pid()) == "0");
    const auto errors = victim.ask("errors");
    CAPTURE(errors);
    CHECK(errors.starts_with("0 "));
}

void await_two_rounds(Victim& victim) {
    // One may have begun before, so that two are needed to see one that began afterwards.
    const auto before = victim.ask_number("rounds");
    while (victim.ask_number("rounds") < before + 2) {
    }
}

std::set<std::uint64_t> open_fds(const Victim& victim) {
    std::set<std::uint64_t> fds;
    for (const auto& fd :
         std::filesystem::directory_iterator("/proc/" + std::to_string(victim.pid()) + "/fd")) {
        fds.insert(std::stoull(fd.path().filename()));
    }
    return fds;
}

}  // namespace

TEST_CASE("a 32-bit program: no call or register notices") {
    Victim victim({UNWAIT_VICTIM32});
    const auto vdso = vdso_of(victim.pid());
    operate_again_and_again(victim, 100);
    await_two_rounds(victim);
    const auto errors = victim.ask("errors");
    CAPTURE(errors);
    CHECK(errors.starts_with("0 "));
    CHECK(vdso_of(victim.pid()) == vdso);
}

TEST_CASE("any call of a 32-bit thread can carry the blob, by int 0x80 and by sysenter") {
    const auto count = Victim({UNWAIT_VICTIM32}).number("jobs");
    for (std::uint64_t job = 0; job < count; ++job) {
        CAPTURE(job);
        Victim victim({UNWAIT_VICTIM32, std::to_string(job)});
        operate_again_and_again(victim, 20);
        if (victim.ask_number("rounds") != UINT32_MAX) await_two_rounds(victim);
        const auto errors = victim.ask("errors");
        CAPTURE(errors);
        CHECK(errors.starts_with("0 "));
    }
}

TEST_CASE("a signal that a 32-bit call keeps off does not end it") {
    const Victim all({UNWAIT_VICTIM32});
    for (auto job = all.number("masked"); job < all.number("jobs"); ++job) {
        CAPTURE(job);
        Victim victim({UNWAIT_VICTIM32, std::to_string(job)});
        for (int round = 0; round < 4; ++round) {
            for (const auto& task : std::filesystem::directory_iterator(
                     "/proc/" + std::to_string(victim.pid()) + "/task")) {
                const auto tid = std::stoi(task.path().filename());
                REQUIRE(eventually([tid] { return process_state(tid) == "S"; }));
                REQUIRE(::tgkill(victim.pid(), tid, SIGUSR2) == 0);
            }
            operate_again_and_again(victim, 1);
        }
    }
}

TEST_CASE("many fds of a 32-bit program go in chunks") {
    for (const auto operation : {Operation::close, Operation::replace}) {
        Victim victim({UNWAIT_VICTIM32});
        const auto fds = open_files(victim, 400);
        const Cuts cuts(victim, fds);
        const auto surgery = operate_patiently(patient_of(victim), operation, cuts.cuts);
        CHECK(surgery.refusal == "");
        for (const auto& cut : surgery.cuts) CHECK(cut.ending == CutEnding::done);
        const auto errors = victim.ask("errors");
        CAPTURE(errors);
        CHECK(errors.starts_with("0 "));
    }
}

TEST_CASE("of many fds of a 32-bit program those that lead elsewhere are left alone") {
    for (const auto operation : {Operation::close, Operation::replace}) {
        Victim victim({UNWAIT_VICTIM32});
        const auto fds = open_files(victim, 60);
        const Cuts cuts(victim, fds);
        constexpr std::size_t reused = 11;
        constexpr std::size_t freed = 40;
        for (const auto index : {reused, freed}) victim.ask("close " + std::to_string(fds[index]));
        REQUIRE(victim.ask_number("open /dev/null") == fds[reused]);
        const auto before = open_fds(victim);
        const auto surgery = operate_patiently(patient_of(victim), operation, cuts.cuts);
        CHECK(surgery.refusal == "");
        for (std::size_t i = 0; i < fds.size(); ++i) {
            CAPTURE(i);
            const bool is_changed = i == reused || i == freed;
            CHECK(surgery.cuts[i].ending == (is_changed ? CutEnding::changed : CutEnding::done));
        }
        const auto after = open_fds(victim);
        CHECK(after.contains(fds[reused]));
        CHECK(!after.contains(fds[freed]));
        CHECK(after.size() == before.size() - (operation == Operation::close ? 58 : 0));
        CHECK(victim.ask("errors").starts_with("0 "));
    }
}

TEST_CASE("a 32-bit program that may open no fd more gets no placeholder, and keeps its files") {
    Victim victim({UNWAIT_VICTIM32});
    const auto fds = open_files(victim, 40);
    const Cuts cuts(victim, fds);
    const auto last = *open_fds(victim).rbegin();
    while (victim.ask_number("open /dev/null") < last) {
    }
    rlimit limit{};
    REQUIRE(::prlimit(victim.pid(), RLIMIT_NOFILE, nullptr, &limit) == 0);
    limit.rlim_cur = open_fds(victim).size();
    REQUIRE(::prlimit(victim.pid(), RLIMIT_NOFILE, &limit, nullptr) == 0);
    const auto surgery = operate_patiently(patient_of(victim), Operation::replace, cuts.cuts);
    CHECK_MESSAGE(surgery.refusal.find("prlimit --pid") != std::string::npos, surgery.refusal);
    CHECK(open_fds(victim).size() == limit.rlim_cur);
    for (std::size_t i = 0; i < fds.size(); ++i) {
        CHECK(surgery.cuts[i].ending == CutEnding::untouched);
        CHECK(sys::same_file(victim.pid(), cuts.cuts[i].fd, cuts.cuts[i].reference) ==
              sys::Same::yes);
    }
    CHECK(victim.ask("errors").starts_with("0 "));
}

TEST_CASE("64-bit code in 32-bit calls goes on as if nothing had been") {
    Victim victim({"int-80"});
    operate_again_and_again(victim, 50);
    await_two_rounds(victim);
    const auto errors = victim.ask("errors");
    CAPTURE(errors);
    CHECK(errors.starts_with("0 "));
}

TEST_CASE("32-bit code of a 64-bit program is refused, and lives on") {
    Victim victim({"far-code"});
    auto patient = patient_of(victim);
    patient.id = process_id(static_cast<pid_t>(victim.number("child")));
    patient.table = patient.id.pid;
    const Cuts cuts(victim, {victim.number("fd")});
    const auto surgery = operate_patiently(patient, Operation::close, cuts.cuts);
    CHECK(surgery.refusal.find("runs 32-bit code") != std::string::npos);
    CHECK(surgery.cuts[0].ending == CutEnding::untouched);
    CHECK(tracer_of(patient.id.pid) == "0");
    while (process_state(patient.id.pid) == "R") sched_yield();
    CHECK(process_state(patient.id.pid) == "S");
}

/// Closes an fd in a thread that can only do so now and then. False when it was refused, which it
/// must be for `reason`.
bool operate_or_be_refused(Victim& victim, const char* reason) {
    const auto fd = victim.ask_number("open /dev/null");
    const Cuts cuts(victim, {fd});
    const auto surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
    const bool is_done = surgery.cuts[0].ending == CutEnding::done;
    CHECK(is_done == surgery.refusal.empty());
    if (is_done) return true;
    CHECK(surgery.refusal.find(reason) != std::string::npos);
    victim.ask("close " + std::to_string(fd));
    return false;
}

TEST_CASE("a stack segment that a thread has of its own stays") {
    // The thread is preferred to the other one, which has a filter.
    Victim victim({"own-stack-segment", "filtered=1"});
    const auto is_done = [&] {
        return operate_or_be_refused(victim, "a stack segment of its own");
    };
    int refused = 0;
    for (int round = 0; round < 100; ++round) refused += is_done() ? 0 : 1;
    // How often it has that segment just then is left to chance.
    CHECK(eventually([&] { return refused > 0 || !is_done(); }));
    await_two_rounds(victim);
    CHECK(victim.ask("errors").starts_with("0 "));
}

TEST_CASE("a thread that single-steps itself misses no step") {
    // Mostly it is held at the first instruction of its signal handler, which takes no steps.
    Victim victim({"single-step", "filtered=1"});
    int done = 0;
    for (int round = 0; round < 200; ++round) {
        done += operate_or_be_refused(victim, "single-steps itself") ? 1 : 0;
    }
    CHECK(done > 0);
    await_two_rounds(victim);
    CHECK(victim.ask("errors").starts_with("0 "));
}

}  // namespace unwait::test
