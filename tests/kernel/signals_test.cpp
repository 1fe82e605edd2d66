// SPDX-License-Identifier: MIT
// What signals mean to a target stays what it was: those of its own, and those of job control.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "hitting.hpp"
#include "operating.hpp"
#include "surgeon.hpp"

namespace unwait::test {
namespace {

using ptrace::CutEnding;
using ptrace::Operation;

/// Signals may come so fast, on a machine that is slow, that it must be tried again.
void operate_once(const ptrace::Patient& patient, Operation operation, const ptrace::Cut& cut) {
    ptrace::Surgery surgery;
    CHECK(eventually([&] {
        surgery = operate_patiently(patient, operation, {&cut, 1});
        return !surgery.refusal.starts_with("signals kept the calls from being made");
    }));
    CHECK(surgery.refusal == "");
    CHECK(surgery.cuts.at(0).ending == CutEnding::done);
}

/// Closes and replaces so many fds of it, one after the other, in both modes.
void operate_often(Victim& victim, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        const Cuts cuts(victim, {victim.ask_number("open /dev/null")});
        operate_once(patient_of(victim, round % 4 < 2 ? Freeze::all : Freeze::one),
                     round % 2 == 0 ? Operation::close : Operation::replace, cuts.cuts[0]);
    }
}

void check_calls_go_on(Victim& victim) {
    const auto ended = [&victim] { return std::stoull(victim.ask_facts("calls").at("ended")); };
    const auto before = ended();
    CHECK(eventually([&] { return ended() > before + 2; }));
    CHECK(victim.alive());
    const auto errors = victim.ask("errors");
    CAPTURE(errors);
    CHECK(errors.starts_with("0 "));
}

}  // namespace

TEST_CASE("a call that a signal ends is ended by each, and by nothing else") {
    const std::vector<std::string> calls{
        "nanosleep",     "futex",       "pause",
        "rt_sigsuspend", "ppoll",
#ifndef __aarch64__  // see "What x86-64 has and aarch64 lacks" in src/README.md
        "read",          "epoll_pwait", "epoll_pwait with a mask",
#endif
    };
    for (const auto& call : calls) {
        for (const std::string carrier : {"filtered=0", "filtered=1"}) {
            CAPTURE(call);
            CAPTURE(carrier);
            Victim victim({"handlers", "call=" + call, carrier});
            operate_often(victim, rounds_of_hitting() / 3);
            check_calls_go_on(victim);
        }
    }
}

#ifndef __aarch64__  // where a signal each time the thread sleeps leaves it no moment for our calls
TEST_CASE("a call that goes on after a handler does so") {
    for (const std::string call : {"read", "futex without a timeout"}) {
        CAPTURE(call);
        Victim victim({"handlers", "call=" + call, "restart=1", "filtered=1"});
        operate_often(victim, rounds_of_hitting() / 3);
        check_calls_go_on(victim);
    }
}
#endif

TEST_CASE("a handler that leaves its call by siglongjmp(3) comes to where it wants") {
    for (const std::string call : {"read", "nanosleep", "ppoll"}) {
        CAPTURE(call);
        Victim victim({"handlers", "call=" + call, "jump=1", "filtered=1"});
        operate_often(victim, rounds_of_hitting() / 3);
        check_calls_go_on(victim);
    }
}

TEST_CASE("SIGTRAP means to a program what it meant before") {
    for (const std::string how : {"handled", "blocked", "ignored"}) {
        CAPTURE(how);
        Victim victim({"own-traps", "trap=" + how, "filtered=1"});
        const auto tid = static_cast<pid_t>(victim.number("tid"));
        const auto before = signals_of(tid);
        operate_often(victim, rounds_of_hitting());
        // While a handler runs its own signal is blocked.
        CHECK((how == "handled" || signals_of(tid) == before));
        const auto traps = victim.ask_number("traps");
        CHECK(eventually([&] { return how != "handled" || victim.ask_number("traps") > traps; }));
        CHECK(victim.ask("errors").starts_with("0 "));
    }
}

TEST_CASE("a parent is told of its child what it would be told anyway, and has no other") {
    Victim victim({"watched-child", "count=12"});
    const auto child = static_cast<pid_t>(victim.number("child"));
    auto patient = patient_of(victim);
    patient.id = process_id(child);
    patient.table = child;
    const Cuts cuts(victim, victim.numbers("fds"));
    const auto operate_on = [&](std::size_t first, std::size_t count) {
        for (std::size_t i = first; i < first + count; ++i) {
            operate_once(patient, i % 2 == 0 ? Operation::close : Operation::replace, cuts.cuts[i]);
        }
    };
    const auto is_told = [&](const std::string& changes) {
        return eventually([&] { return victim.ask("changes") == changes; });
    };
    operate_on(0, 6);
    CHECK(victim.ask("changes") == "signals=0,0,0 waits=0,0,0");
    CHECK(::kill(child, SIGSTOP) == 0);
    CHECK(is_told("signals=1,0,0 waits=1,0,0"));
    operate_on(6, 6);
    CHECK(eventually([child] { return process_state(child) == "T"; }));
    CHECK(victim.ask("changes") == "signals=1,0,0 waits=1,0,0");
    CHECK(::kill(child, SIGCONT) == 0);
    CHECK(is_told("signals=1,1,0 waits=1,1,0"));
    CHECK(eventually([child] { return process_state(child) == "S"; }));
    CHECK(tracer_of(child) == "0");
    // Of ours nothing is left to be reaped either.
    siginfo_t ended{};
    CHECK(::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0);
    CHECK(ended.si_pid == 0);
}

TEST_CASE("job control that stops a process and lets it go on all the time has the last word") {
    Victim victim({"all-blocking-calls",
                   "only=read_pipe,accept,poll_timeout,select,ppoll,futex_wait,futex_wait_timeout,"
                   "nanosleep,wait4,flock,rt_sigsuspend,recvfrom,msgrcv"});
    const auto before = victim.ask("results");
    const auto fds = open_files(victim, 60);
    const Cuts cuts(victim, fds);
    {
        const std::jthread storm([pid = victim.pid()](const std::stop_token& stop) {
            std::mt19937 random(42);  // NOLINT(cert-msc51-cpp): the same each time
            std::uniform_int_distribution<int> pauses(0, slowness * 400);
            while (!stop.stop_requested()) {
                ::kill(pid, SIGSTOP);
                spin_for(std::chrono::microseconds{pauses(random)});
                ::kill(pid, SIGCONT);
                spin_for(std::chrono::microseconds{pauses(random)});
            }
        });
        for (const auto& cut : cuts.cuts) operate_once(patient_of(victim), Operation::close, cut);
    }
    CHECK(eventually([&] { return is_free(victim.pid(), Idle::sleeps); }));
    CHECK(victim.ask("results") == before);
    CHECK(victim.ask("errors").starts_with("0 "));
    ::kill(victim.pid(), SIGSTOP);
    CHECK(eventually([&] { return process_state(victim.pid()) == "T"; }));
    ::kill(victim.pid(), SIGCONT);
}

}  // namespace unwait::test
