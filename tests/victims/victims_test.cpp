// SPDX-License-Identifier: MIT
// The victims themselves: each is what it says it is.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include "victim.hpp"

using unwait::test::Facts;
using unwait::test::Victim;

namespace {

/// Changes a register of a thread that is between two looks at it. False when it was elsewhere.
bool meddle(pid_t tid, unsigned long long user_regs_struct::*which) {
    REQUIRE(ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) == 0);
    REQUIRE(ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) == 0);
    REQUIRE(waitpid(tid, nullptr, __WALL) == tid);
    user_regs_struct registers{};
    REQUIRE(ptrace(PTRACE_GETREGS, tid, nullptr, &registers) == 0);
    errno = 0;
    const long text = ptrace(PTRACE_PEEKTEXT, tid, registers.rip, nullptr);
    constexpr long pause_instruction = 0x90F3;
    const bool between = errno == 0 && (text & 0xFFFF) == pause_instruction;
    if (between) {
        registers.*which ^= 1;  // the carry flag, of eflags
        REQUIRE(ptrace(PTRACE_SETREGS, tid, nullptr, &registers) == 0);
    }
    REQUIRE(ptrace(PTRACE_DETACH, tid, nullptr, nullptr) == 0);
    return between;
}

}  // namespace

TEST_CASE("a victim holds the socket that its ready line tells") {
    for (const std::string family : {"v4", "v6", "v4mapped"}) {
        CAPTURE(family);
        Victim victim({"close-wait", "family=" + family, "count=3", "unread=7"});
        const auto fds = victim.fds();
        const auto inodes = victim.numbers("inodes");
        std::size_t i = 0;
        for (const auto fd : victim.numbers("fds")) {
            CHECK(fds.at(static_cast<int>(fd)) == inodes.at(i++));
        }
        CHECK(i == 3);
        CHECK(victim.ask_number("errors") == 0);
        CHECK(WEXITSTATUS(victim.end()) == 0);
    }
}

TEST_CASE("a victim that cannot be what it should is an error that says how to repeat it") {
    try {
        const Victim victim({"no-such-scenario"});
        FAIL("it began");
    } catch (const std::runtime_error& error) {
        CHECK(std::string(error.what()).find("'no-such-scenario'") != std::string::npos);
    }
}

TEST_CASE("a question that no scenario knows is an error") {
    Victim victim({"close-wait"});
    CHECK_THROWS_AS(victim.ask("how-are-you"), std::runtime_error);
    CHECK(victim.alive());
}

TEST_CASE("a closed number is missing from the answer") {
    Victim victim({"several-fds", "duplicates=1"});
    auto before = victim.fds();
    CHECK(victim.ask("close " + victim.fact("fd")) == "0");
    before.erase(victim.fd());
    CHECK(victim.fds() == before);
}

TEST_CASE("a thread notices every register that somebody changes") {
    for (const auto which : {&user_regs_struct::rbx, &user_regs_struct::rax, &user_regs_struct::r15,
                             &user_regs_struct::eflags}) {
        Victim victim({"registers", "mode=user"});
        const auto tid = static_cast<pid_t>(victim.number("tids"));
        CHECK(victim.ask_facts("regs").at("broken") == "0");
        while (!meddle(tid, which)) CHECK(victim.alive());
        const std::uint64_t rounds = std::stoull(victim.ask_facts("regs").at("rounds"));
        Facts now;
        do {
            now = victim.ask_facts("regs");
        } while (std::stoull(now.at("rounds")) < rounds + 2);
        CHECK(now.at("broken") == "1");
    }
}

TEST_CASE("registers are kept around every system call that is checked") {
    for (const std::string mode : {"getpid", "nanosleep", "futex", "poll", "epoll_wait", "read"}) {
        CAPTURE(mode);
        Victim victim({"registers", "mode=" + mode});
        if (mode == "read") victim.ask("wake");
        const Facts now = victim.ask_facts("regs");
        CHECK(std::stoull(now.at("rounds")) > 0);
        CHECK(now.at("broken") == "0");
    }
}

TEST_CASE("every blocking call blocks, and those with a timeout end with it") {
    Victim victim({"all-blocking-calls"});
    const Facts results = victim.ask_facts("results");
    CHECK(results.size() > 75);
    for (const auto& [name, result] : results) {
        CAPTURE(name);
        CHECK(result == "blocked");
    }
    Victim timed({"all-blocking-calls", "only=nanosleep,poll_timeout", "timeout_ms=1"});
    Facts now;
    while (now["nanosleep"].empty() || now["nanosleep"] == "blocked") {
        now = timed.ask_facts("results");
    }
    CHECK(now["nanosleep"].starts_with("returned:0:0:"));
}

TEST_CASE("a file that somebody else closes is noticed") {
    for (const std::string scenario : {"fd-recycler", "fd-swapper"}) {
        CAPTURE(scenario);
        Victim victim({scenario});
        CHECK(victim.ask_number("errors") == 0);
        // The recycler takes the lowest free number, the swapper changes what its own leads to.
        const std::string number = scenario == "fd-recycler" ? "4" : victim.fact("fd");
        while (victim.ask_number("errors") == 0) victim.ask("close " + number);
    }
}

TEST_CASE("signals arrive once and in order") {
    for (const std::string mode : {"spin", "read"}) {
        CAPTURE(mode);
        Victim victim({"signal-order", "mode=" + mode});
        victim.ask("storm 500");
        Facts now;
        while (now["received"] != "500") now = victim.ask_facts("signals");
        CHECK(now.at("disordered") == "0");
        CHECK(now.at("strange") == "0");
        CHECK(victim.ask_number("errors") == 0);
    }
}

TEST_CASE("every scenario begins") {
    for (const std::string name : {"established",
                                   "half-close-sender",
                                   "blocked-writer",
                                   "backlog",
                                   "shared-by-fork",
                                   "clone-files",
                                   "private-fd-table",
                                   "zombie-leader",
                                   "in-flight",
                                   "pinned",
                                   "in-io-uring",
                                   "vforking",
                                   "blocked",
                                   "in-epoll",
                                   "spinner",
                                   "closes-when-shut",
                                   "sleepers",
                                   "churn",
                                   "reused",
                                   "seccomp",
                                   "traced",
                                   "metered",
                                   "execs",
                                   "dozing",
                                   "reconnects-when-shut",
                                   "reconnector",
                                   "sequences",
                                   "handlers",
                                   "own-traps",
                                   "watched-child",
                                   "dispatches",
                                   "odd-vdso"}) {
        CAPTURE(name);
        Victim victim({name});
        CHECK(victim.ask_number("errors") == 0);
    }
}
