// SPDX-License-Identifier: MIT
// A rehearsal says what the operation would, and leaves nothing behind.
#include <doctest/doctest.h>

#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "operating.hpp"

namespace unwait::test {
namespace {

using ptrace::CutEnding;
using ptrace::Operation;

constexpr std::string_view advice = "; --actions shutdown makes the process call nothing";

/// Which of several threads is looked at last depends on what they do just then.
std::string without_tids(const std::string& text) {
    return std::regex_replace(text, std::regex("thread [0-9]+"), "thread TID");
}

/// What operate() said, without the advice.
std::string refusal_of(Victim& victim, Operation operation) {
    const Cuts cuts(victim, {victim.number("fd")});
    auto surgery = operate_patiently(patient_of(victim), operation, cuts.cuts);
    CHECK((surgery.cuts[0].ending == CutEnding::done) == surgery.refusal.empty());
    if (surgery.refusal.ends_with(advice)) {
        surgery.refusal.resize(surgery.refusal.size() - advice.size());
    }
    return surgery.refusal;
}

}  // namespace

TEST_CASE("a rehearsal refuses what the operation refuses, in the same words") {
    for (const auto operation : {Operation::close, Operation::replace}) {
        for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
                 {"close-wait"},
                 {"seccomp", "call=close", "verdict=kill"},
                 {"seccomp", "call=close", "verdict=log"},
                 {"seccomp", "call=dup3", "verdict=errno"},
                 {"seccomp", "call=socket", "verdict=trap", "idler=1"},
                 {"seccomp", "call=close", "idler=1", "scope=main"},
                 {"seccomp", "call=none", "filters=300"},
                 {"seccomp-strict", "idler=0"},
                 {"seccomp-strict", "idler=1"}}) {
            Victim victim(words);
            CAPTURE(victim.repeat_command());
            CAPTURE(operation);
            const auto rehearsal = ptrace::rehearse(patient_of(victim), operation);
            CHECK(without_tids(rehearsal.refusal) == without_tids(refusal_of(victim, operation)));
            if (rehearsal.refusal.empty()) {
                CHECK(rehearsal.stopped.count() > 0);
                CHECK(rehearsal.redirects_calls ==
                      (rehearsal.tells_dispatch ? std::optional(false) : std::nullopt));
            }
            CHECK(rehearsal.room > 0);
            CHECK(victim.alive());
        }
    }
}

TEST_CASE("a rehearsal leaves everything as it was") {
    Victim victim({"close-wait"});
    const auto fds = victim.fds();
    const auto mask = victim.ask("sigmask");
    const auto vdso = vdso_of(victim.pid());
    for (int round = 0; round < 100; ++round) {
        const auto operation = round % 2 == 0 ? Operation::close : Operation::replace;
        CHECK(ptrace::rehearse(patient_of(victim), operation).refusal == "");
    }
    CHECK(victim.fds() == fds);
    CHECK(victim.ask("sigmask") == mask);
    CHECK(vdso_of(victim.pid()) == vdso);
    CHECK(victim.ask("errors").starts_with("0 "));
    CHECK(tracer_of(victim.pid()) == "0");
}

TEST_CASE("no blocking call and no register notices a rehearsal") {
    for (const std::string scenario : {"all-blocking-calls", "registers", "sleepers"}) {
        Victim victim({scenario});
        CAPTURE(victim.repeat_command());
        for (int round = 0; round < 50; ++round) {
            const auto operation = round % 2 == 0 ? Operation::close : Operation::replace;
            CHECK(ptrace::rehearse(patient_of(victim), operation).refusal == "");
        }
        CHECK(victim.ask("errors").starts_with("0 "));
    }
}

TEST_CASE("a rehearsal on a process that is gone says so") {
    ptrace::Patient patient;
    {
        Victim victim({"close-wait"});
        patient = patient_of(victim);
    }
    CHECK(ptrace::rehearse(patient, Operation::close).refusal != "");
}

}  // namespace unwait::test
