// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

#include "operating.hpp"

namespace unwait::test {
namespace {

using ptrace::CutEnding;
using ptrace::Operation;

void check_nothing_else_changed(Victim& victim) {
    CHECK(victim.alive());
    CHECK(tracer_of(victim.pid()) == "0");
    CHECK(victim.ask("errors").starts_with("0 "));
}

}  // namespace

TEST_CASE("close and replace one fd, and nothing else") {
    for (const auto operation : {Operation::close, Operation::replace}) {
        for (const auto freeze : {Freeze::all, Freeze::one}) {
            CAPTURE(operation);
            CAPTURE(freeze);
            Victim victim({"close-wait"});
            const auto vdso = vdso_of(victim.pid());
            auto before = victim.fds();
            const Cuts cuts(victim, {victim.number("fd")});
            const auto surgery = ptrace::operate(patient_of(victim, freeze), operation, cuts.cuts);
            CHECK(surgery.refusal == "");
            REQUIRE(surgery.cuts.size() == 1);
            CHECK(surgery.cuts[0].ending == CutEnding::done);
            CHECK(surgery.cuts[0].stopped.count() > 0);
            CHECK(surgery.cuts[0].stopped.count() < 20'000);
            auto after = victim.fds();
            if (operation == Operation::replace) {
                CHECK(after.at(victim.fd()) != before.at(victim.fd()));
                CHECK(after.at(victim.fd()) != 0);
                after.erase(victim.fd());
            }
            before.erase(victim.fd());
            CHECK(after == before);
            CHECK(vdso_of(victim.pid()) == vdso);
            check_nothing_else_changed(victim);
        }
    }
}

TEST_CASE("a number that leads elsewhere is left alone") {
    Victim victim({"reused"});
    const Cuts cuts(victim, {victim.number("fd")});
    victim.ask("reuse");
    const auto before = victim.fds();
    const auto surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
    CHECK(surgery.refusal == "");
    CHECK(surgery.cuts[0].ending == CutEnding::changed);
    CHECK(victim.fds() == before);
    check_nothing_else_changed(victim);
}

TEST_CASE("many fds go in chunks") {
    for (const auto operation : {Operation::close, Operation::replace}) {
        Victim victim({"close-wait", "count=1000"});
        const Cuts cuts(victim, victim.numbers("fds"));
        const auto surgery = ptrace::operate(patient_of(victim), operation, cuts.cuts);
        CHECK(surgery.refusal == "");
        CHECK(std::ranges::all_of(surgery.cuts,
                                  [](const auto& cut) { return cut.ending == CutEnding::done; }));
        check_nothing_else_changed(victim);
    }
}

TEST_CASE("every thread is held, however many there are") {
    Victim victim({"sleepers", "threads=500"});
    const Cuts cuts(victim, {victim.number("fd")});
    const auto surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
    CHECK(surgery.refusal == "");
    CHECK(surgery.cuts[0].ending == CutEnding::done);
    check_nothing_else_changed(victim);
}

TEST_CASE("threads that begin and end meanwhile are held too") {
    Victim victim({"churn", "count=200"});
    for (const auto fd : victim.numbers("fds")) {
        const Cuts cuts(victim, {fd});
        const auto surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
        CHECK(surgery.refusal == "");
        CHECK(surgery.cuts[0].ending == CutEnding::done);
    }
    check_nothing_else_changed(victim);
}

TEST_CASE("no blocking call notices") {
    Victim victim({"all-blocking-calls"});
    const auto before = victim.ask("results");
    for (int round = 0; round < 20; ++round) {
        const auto fd = victim.ask_number("open /dev/null");
        const Cuts cuts(victim, {fd});
        const auto operation = round % 2 == 0 ? Operation::close : Operation::replace;
        const auto surgery = ptrace::operate(patient_of(victim), operation, cuts.cuts);
        CHECK(surgery.refusal == "");
        CHECK(surgery.cuts[0].ending == CutEnding::done);
    }
    CHECK(victim.ask("results") == before);
    check_nothing_else_changed(victim);
}

TEST_CASE("registers and flags stay as they are") {
    for (const auto* scenario : {"registers"}) {
        Victim victim({scenario});
        for (int round = 0; round < 200; ++round) {
            const auto fd = victim.ask_number("open /dev/null");
            const Cuts cuts(victim, {fd});
            const auto surgery =
                ptrace::operate(patient_of(victim, round % 2 == 0 ? Freeze::all : Freeze::one),
                                round % 3 == 0 ? Operation::replace : Operation::close, cuts.cuts);
            CHECK(surgery.refusal == "");
            CHECK(surgery.cuts[0].ending == CutEnding::done);
        }
        check_nothing_else_changed(victim);
    }
}

TEST_CASE("a stopped process stays stopped") {
    Victim victim({"close-wait"});
    const Cuts cuts(victim, {victim.number("fd")});
    kill(victim.pid(), SIGSTOP);
    while (process_state(victim.pid()) != "T") sched_yield();
    const auto surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
    CHECK(surgery.refusal == "");
    CHECK(surgery.cuts[0].ending == CutEnding::done);
    CHECK(process_state(victim.pid()) == "T");
    kill(victim.pid(), SIGCONT);
    check_nothing_else_changed(victim);
}

}  // namespace unwait::test
