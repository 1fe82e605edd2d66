// SPDX-License-Identifier: MIT
// What becomes of the thread that makes the calls: here never the one that answers questions, since
// that has a seccomp filter and others have none.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "operating.hpp"
#include "pidfd.hpp"

namespace unwait::test {
namespace {

using ptrace::CutEnding;
using ptrace::Operation;

#ifdef __aarch64__
constexpr bool needs_calls = true;  // see arch::must_start_at_exit()
#else
constexpr bool needs_calls = false;
#endif

Victim checked_registers(const std::string& mode) {
    return Victim({"registers", "mode=" + mode, "filtered=1"});
}

/// Closes or replaces a number that leads nowhere special; the refusal.
std::string operate_once(Victim& victim, int round) {
    const auto fd = victim.ask_number("open /dev/null");
    const Cuts cuts(victim, {fd});
    const auto operation = round % 3 == 0 ? Operation::replace : Operation::close;
    const auto freeze = round % 2 == 0 ? Freeze::all : Freeze::one;
    const auto surgery = operate_patiently(patient_of(victim, freeze), operation, cuts.cuts);
    const bool is_done = surgery.cuts.at(0).ending == CutEnding::done;
    CHECK(is_done == surgery.refusal.empty());
    if (!is_done || operation == Operation::replace) victim.ask("close " + std::to_string(fd));
    return surgery.refusal;
}

void check_registers(Victim& victim) {
    const auto facts = victim.ask("regs");
    CAPTURE(facts);
    CHECK(facts.find(" broken=0 ") != std::string::npos);
    CHECK(victim.ask("errors").starts_with("0 "));
    CHECK(victim.alive());
}

}  // namespace

TEST_CASE("the thread that makes the calls keeps its registers") {
    for (const std::string mode : {"mixed", "getpid", "nanosleep", "futex", "poll", "epoll_wait"}) {
        CAPTURE(mode);
        Victim victim = checked_registers(mode);
        const auto before = victim.fds();
        for (int round = 0; round < 60; ++round) CHECK(operate_once(victim, round) == "");
        CHECK(victim.fds() == before);
        check_registers(victim);
    }
}

TEST_CASE("a call that goes on after many stops keeps its registers") {
    Victim victim = checked_registers("read");
    for (int round = 0; round < 30; ++round) CHECK(operate_once(victim, round) == "");
    victim.ask("wake");
    check_registers(victim);
}

TEST_CASE("a thread that makes no calls of its own keeps its registers") {
    Victim victim = checked_registers("user");
    for (int round = 0; round < 20; ++round) {
        const auto fd = victim.ask_number("open /dev/null");
        const Cuts cuts(victim, {fd});
        const auto surgery =
            needs_calls ? ptrace::operate(patient_of(victim), Operation::close, cuts.cuts)
                        : operate_patiently(patient_of(victim), Operation::close, cuts.cuts);
        CAPTURE(surgery.refusal);
        CHECK((surgery.refusal.find("busy in its own code") != std::string::npos) == needs_calls);
        CHECK(surgery.cuts[0].ending == (needs_calls ? CutEnding::untouched : CutEnding::done));
        if (needs_calls) victim.ask("close " + std::to_string(fd));
    }
    check_registers(victim);
}

TEST_CASE("only the intended fd, while the thread that makes the calls swaps it itself") {
    Victim victim({"fd-swapper", "filtered=1"});
    operate_by_chance(victim, CutEnding::changed, 200);
    CHECK(victim.ask("errors").starts_with("0 "));
    CHECK(victim.alive());
}

}  // namespace unwait::test
