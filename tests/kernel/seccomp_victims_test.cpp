// SPDX-License-Identifier: MIT
// No target is harmed by its own seccomp filters, and none stands in the way that need not.
#include <doctest/doctest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "hitting.hpp"
#include "operating.hpp"
#include "preflight.hpp"

namespace unwait::test {
namespace {

using ptrace::CutEnding;
using ptrace::Operation;

/// Operates on the victim's fd once; it must have been freed, or be untouched for a reason with
/// these words.
void operate_on(Victim& victim, Operation operation, Freeze freeze, const std::string& refusal) {
    const Cuts cuts(victim, {victim.number("fd")});
    const auto surgery = operate_patiently(patient_of(victim, freeze), operation, cuts.cuts);
    if (refusal.empty()) {
        CHECK(surgery.refusal == "");
        CHECK(surgery.cuts[0].ending == CutEnding::done);
    } else {
        CHECK(surgery.refusal.find(refusal) != std::string::npos);
        CHECK(surgery.cuts[0].ending == CutEnding::untouched);
        CAPTURE(surgery.refusal);
        CHECK(surgery.refusal.size() < 255);
    }
    CHECK(victim.alive());
    CHECK(tracer_of(victim.pid()) == "0");
    CHECK(process_state(victim.pid()) != "t");
}

void expect(const std::vector<std::string>& words, Operation operation,
            const std::string& refusal) {
    for (const auto freeze : {Freeze::all, Freeze::one}) {
        Victim victim(words);
        CAPTURE(victim.repeat_command());
        CAPTURE(operation);
        CAPTURE(freeze);
        // In strict mode it could not even look.
        const bool can_tell = words.front() == "seccomp";
        const auto before = can_tell ? victim.fds() : std::map<int, std::uint64_t>{};
        operate_on(victim, operation, freeze, refusal);
        CHECK(victim.ask("errors").starts_with("0 "));
        if (can_tell && !refusal.empty()) CHECK(victim.fds() == before);
    }
}

struct Verdict {
    std::string word;
    std::string consequence;  ///< empty when the call is carried out
};

}  // namespace

TEST_CASE("a call that a filter stands against is not made, others are") {
    const std::vector<Verdict> verdicts = {{"log", ""},
                                           {"errno", "forbids it"},
                                           {"trap", "would send it SIGSYS"},
                                           {"trace", "leaves it to a supervisor"},
                                           {"notify", "leaves it to a supervisor"},
                                           {"kill-thread", "would kill the thread"},
                                           {"kill", "would kill the process"}};
    for (const std::string call : {"close", "dup3", "socket", "shutdown", "none"}) {
        for (const auto& [verdict, consequence] : verdicts) {
            const std::vector<std::string> words = {"seccomp", "call=" + call, "verdict=" + verdict,
                                                    "idler=1"};
            const auto refusal =
                consequence.empty() ? "" : "stands against " + call + "(): it " + consequence;
            expect(words, Operation::close, call == "close" ? refusal : "");
            expect(words, Operation::replace, call == "none" ? "" : refusal);
        }
    }
}

TEST_CASE("a thread without the filter makes the call") {
    for (const auto operation : {Operation::close, Operation::replace}) {
        expect({"seccomp", "call=close", "idler=1", "scope=main"}, operation, "");
        expect({"seccomp-strict", "idler=0"}, operation, "strict mode");
        expect({"seccomp-strict", "idler=1"}, operation, "");
    }
}

TEST_CASE("many filters are read, each of which may stand against it") {
    for (const std::string call : {"close", "none"}) {
        const auto refusal = call == "none" ? "" : "stands against close()";
        for (const std::string filters : {"filters=30", "filters=200"}) {
            expect({"seccomp", "call=" + call, filters}, Operation::close, refusal);
        }
        expect({"seccomp", "call=" + call, "filters=300"}, Operation::close, "cannot be read");
    }
}

TEST_CASE("who may not read filters is told so before anything is stopped") {
    const auto obstacle_for_less = [](const std::vector<std::string>& words) {
        const Victim victim(words);
        const auto patient = patient_of(victim);
        return told_by_child([&patient] {
            give_up(CAP_SYS_ADMIN);
            return ptrace::obstacle(patient.id, patient.table).value_or("nothing");
        });
    };
    CHECK(obstacle_for_less({"seccomp", "call=none"}).find("CAP_SYS_ADMIN") != std::string::npos);
    CHECK(obstacle_for_less({"seccomp", "call=none", "idler=1", "scope=main"}) == "nothing");
    CHECK(obstacle_for_less({"close-wait"}) == "nothing");
}

TEST_CASE("a filter that looks at the fd is asked about this fd") {
    Victim probe({"seccomp", "call=none"});
    const auto fd = "first=" + probe.fact("fd");
    expect({"seccomp", "call=close", fd}, Operation::close, "stands against close()");
    expect({"seccomp", "call=close", "first=1"}, Operation::close, "");
    // The placeholder may get any number.
    expect({"seccomp", "call=close", "first=1"}, Operation::replace, "stands against close()");
}

TEST_CASE("a filter that looks where a call comes from sees the [vdso]") {
    expect({"seccomp", "call=close", "from=vdso"}, Operation::close, "stands against close()");
    expect({"seccomp", "call=dup3", "from=vdso"}, Operation::close, "");
}

TEST_CASE("without a [vdso] no call is made, and that is known before") {
    Victim victim({"odd-vdso", "vdso=none"});
    const auto obstacle = ptrace::obstacle(process_id(victim.pid()), victim.pid());
    CHECK(obstacle.value_or("").find("has no [vdso]") != std::string::npos);
    expect({"odd-vdso", "vdso=none"}, Operation::close, "no [vdso]");
    expect({"odd-vdso", "vdso=none"}, Operation::replace, "no [vdso]");
}

TEST_CASE("what is only named like a [vdso] is none") {
    expect({"odd-vdso", "vdso=seeming"}, Operation::close, "");
    expect({"odd-vdso", "vdso=seeming"}, Operation::replace, "");
}

TEST_CASE("a thread that handles its own system calls makes none for us") {
    for (const bool has_another : {false, true}) {
        CAPTURE(has_another);
        Victim victim({"dispatches", has_another ? "idler=1" : "idler=0"});
        if (victim.fact("supported") == "0") {
            MESSAGE("not on this kernel: system calls that go to a handler");
            return;
        }
        // Else it is found out by the first call, of which the handler is to know nothing.
        if (ptrace::rehearse(patient_of(victim), Operation::close).tells_dispatch) {
            const auto rehearsal = ptrace::rehearse(patient_of(victim), Operation::replace);
            CHECK(rehearsal.refusal.empty() == has_another);
            CHECK(rehearsal.redirects_calls == !has_another);
        }
        for (const auto operation : {Operation::close, Operation::replace}) {
            const Cuts cuts(victim, {victim.ask_number("open /dev/null")});
            const auto surgery = operate_patiently(patient_of(victim), operation, cuts.cuts);
            const bool is_refused = surgery.refusal.find("user dispatch") != std::string::npos;
            CHECK(is_refused == !has_another);
            CHECK((surgery.cuts[0].ending == CutEnding::done) == has_another);
        }
        CHECK(victim.alive());
        CHECK(tracer_of(victim.pid()) == "0");
        CHECK(victim.ask("errors").starts_with("0 "));
    }
}

TEST_CASE("a sleeper whose filter has no restart_syscall survives the stop") {
    using std::chrono::milliseconds;
    using std::chrono::steady_clock;
    constexpr int sleep_ms = 1000;
    constexpr int begin_ms = 500;  // what follows comes at least so late into the sleep
    const auto slept_in = [&](const std::string& verdict) {
        Victim victim(
            {"seccomp", "call=restart", "verdict=" + verdict, "sleep=" + std::to_string(sleep_ms)});
        std::this_thread::sleep_for(milliseconds{begin_ms});
        for (int round = 0; round < 3; ++round) {
            const auto fd = victim.ask_number("open /dev/null");
            const Cuts cuts(victim, {fd});
            const auto surgery = operate_patiently(patient_of(victim), Operation::close, cuts.cuts);
            CHECK(surgery.refusal == "");
            CHECK(surgery.cuts[0].ending == CutEnding::done);
        }
        std::uint64_t slept = 0;
        CHECK(eventually([&] { return (slept = victim.ask_number("slept")) != 0; }));
        CHECK(victim.alive());
        CHECK(victim.ask("errors").starts_with("0 "));
        return slept;
    };
    // It is allowed, and the rest of the time is kept.
    CHECK(slept_in("log") < sleep_ms + begin_ms);
    for (const std::string verdict : {"kill", "errno", "trap"}) {
        CAPTURE(verdict);
        CHECK(slept_in(verdict) >= sleep_ms);
    }
}

}  // namespace unwait::test
