// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <sched.h>

#include <string>

#include "operating.hpp"
#include "pidfd.hpp"
#include "surgeon.hpp"

/// 32-bit programs and 32-bit calls on an x86-64 kernel.
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

TEST_CASE("many fds of a 32-bit program go in chunks") {
    for (const auto operation : {Operation::close, Operation::replace}) {
        Victim victim({UNWAIT_VICTIM32});
        std::vector<std::uint64_t> fds;
        for (int i = 0; i < 400; ++i) fds.push_back(victim.ask_number("open /dev/null"));
        const Cuts cuts(victim, fds);
        const auto surgery = operate_patiently(patient_of(victim), operation, cuts.cuts);
        CHECK(surgery.refusal == "");
        for (const auto& cut : surgery.cuts) CHECK(cut.ending == CutEnding::done);
        const auto errors = victim.ask("errors");
        CAPTURE(errors);
        CHECK(errors.starts_with("0 "));
    }
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

}  // namespace unwait::test
