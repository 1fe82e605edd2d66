// SPDX-License-Identifier: MIT
// What a plan says may be past when it is carried out, and may not be allowed.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "fd_message.hpp"
#include "hitting.hpp"
#include "pidfd.hpp"
#include "remedy_run.hpp"
#include "scan.hpp"
#include "unwait/error.hpp"
#include "unwait/planner.hpp"
#include "vocabulary.hpp"

namespace unwait::test {
namespace {

constexpr std::array gentle{Action::shutdown, Action::close, Action::replace, Action::destroy};
constexpr std::array all{Action::shutdown, Action::close, Action::replace,
                         Action::destroy,  Action::term,  Action::kill};

/// A file that no process has, being on its way through a unix socket of ours.
class InFlight {
public:
    explicit InFlight(const sys::Fd& file) {
        std::array<int, 2> pair{};
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
        ends_ = {sys::Fd(pair[0]), sys::Fd(pair[1])};
        REQUIRE(FdMessage().send(pair[0], file.get()) == 1);
    }

private:
    std::array<sys::Fd, 2> ends_;
};

}  // namespace

TEST_SUITE_BEGIN("meanwhile");

TEST_CASE("a process that has exited meanwhile is no failure") {
    for (const Action action : all) {
        CAPTURE(word(action));
        const Policy policy = policy_of({action});
        Victim victim({"close-wait"});
        const Plan plan = plan_for(victim, policy);
        CHECK(WEXITSTATUS(victim.end()) == 0);
        const auto outcomes = carry_out(plan, policy);
        REQUIRE(outcomes.size() == 1);
        CHECK(word(outcomes[0].result) == word(Result::already_gone));
        CHECK(outcomes[0].stopped.count() == 0);
    }
}

TEST_CASE("a socket that the application has closed meanwhile is no failure, sent or not") {
    for (const Action action : all) {
        CAPTURE(word(action));
        const Policy policy = policy_of({action});
        Victim victim({"blocked-writer", "block=0"});
        const Plan plan = plan_for(victim, policy);
        CHECK(victim.ask("close " + victim.fact("fd")) == "0");
        Witness witness(victim);
        const auto outcomes = carry_out(plan, policy);
        REQUIRE(outcomes.size() == 1);
        INFO(outcomes[0].detail);
        CHECK(word(outcomes[0].result) == word(Result::already_gone));
        CHECK(word(outcomes[0].state_after) == word(TcpState::last_ack));
        CHECK(outcomes[0].frees_fd);
        witness.check_unharmed({});
    }
}

TEST_CASE("who has come to hold the socket meanwhile is named") {
    for (const Action action : {Action::close, Action::replace, Action::term, Action::kill}) {
        CAPTURE(word(action));
        const Policy policy = policy_of({action});
        Victim victim({"close-wait"});
        const Plan plan = plan_for(victim, policy);
        auto own = sys::PidFd::open(victim.pid())->get_fd(victim.fd());
        const auto outcomes = carry_out(plan, policy);
        REQUIRE(outcomes.size() == 1);
        CHECK(word(outcomes[0].result) == word(Result::unchanged));
        CHECK(outcomes[0].detail == "still open as fd " + std::to_string(own->get()) + " of pid " +
                                        std::to_string(getpid()) + " (" +
                                        program_invocation_short_name +
                                        "), since the holders were looked for: clear it again");
        CHECK(inode_behind(victim.pid(), victim.fd()) != victim.number("inode"));
    }
}

TEST_CASE("a socket that is on its way to another process meanwhile is said to be open") {
    const Policy policy = policy_of({Action::close});
    Victim victim({"close-wait"});
    const Plan plan = plan_for(victim, policy);
    const InFlight in_flight(*sys::PidFd::open(victim.pid())->get_fd(victim.fd()));
    const auto outcomes = carry_out(plan, policy);
    REQUIRE(outcomes.size() == 1);
    CHECK(word(outcomes[0].result) == word(Result::unchanged));
    CHECK(outcomes[0].detail ==
          "still open, and nobody who holds it can be seen: explain says what may keep it");
    CHECK(outcomes[0].frees_fd);
}

TEST_CASE("a number that the application is about to close itself is left to it") {
    for (const Action action : all) {
        CAPTURE(word(action));
        const Policy policy = policy_of({action});
        Victim victim({"blocked-writer", "block=0"});
        const Plan plan = plan_for(victim, policy);
        {
            const auto own = sys::PidFd::open(victim.pid())->get_fd(victim.fd());
            REQUIRE(::shutdown(own->get(), SHUT_WR) == 0);
        }
        Witness witness(victim);
        const auto outcomes = carry_out(plan, policy);
        REQUIRE(outcomes.size() == 1);
        INFO(outcomes[0].detail);
        CHECK(word(outcomes[0].result) ==
              word(is_for_socket(action) ? Result::already_gone : Result::refused));
        CHECK_FALSE(outcomes[0].frees_fd);
        witness.check_unharmed({});
    }
}

TEST_CASE("a number that was reused meanwhile keeps its new file") {
    for (const Action action : all) {
        CAPTURE(word(action));
        const Policy policy = policy_of({action});
        Victim victim({"reused"});
        const Plan plan = plan_for(victim, policy);
        const std::uint64_t other = victim.ask_number("reuse");
        Witness witness(victim);
        const auto outcomes = carry_out(plan, policy);
        REQUIRE(outcomes.size() == 1);
        CHECK(word(outcomes[0].result) == word(Result::already_gone));
        witness.check_unharmed({});
        CHECK(inode_behind(victim.pid(), victim.fd()) == other);
    }
}

TEST_CASE("one number was reused, another still leads to the socket") {
    for (const Action action : {Action::close, Action::replace}) {
        CAPTURE(word(action));
        const Policy policy = policy_of({action});
        Victim victim({"several-fds", "duplicates=1"});
        const Plan plan = plan_for(victim, policy);
        CHECK(victim.ask("close " + victim.fact("fd")) == "0");
        // The lowest free number may be another one: take numbers until it is this.
        while (std::stoi(victim.ask("open /dev/null")) != victim.fd()) CHECK(victim.alive());
        Witness witness(victim);
        const auto outcomes = carry_out(plan, policy);
        REQUIRE(outcomes.size() == 1);
        INFO(outcomes[0].detail);
        CHECK(word(outcomes[0].result) == word(Result::cleared));
        witness.check_unharmed({victim.fd("duplicates")});
        CHECK(inode_behind(victim.pid(), victim.fd("duplicates")) != victim.number("inode"));
    }
}

TEST_CASE("only the socket is ever closed when its number leads elsewhere half of the time") {
    for (const Action action : {Action::close, Action::replace}) {
        CAPTURE(word(action));
        Victim victim({"fd-swapper"});
        for (int i = 0; i < 8; ++i) {
            const Policy policy = policy_of({action});
            const Plan plan = plan_for(victim, policy);
            REQUIRE(plan.steps.size() == 1);
            Plan only_swapped = plan;
            Holder holder = plan.steps[0].holders[0];
            std::erase_if(holder.fds,
                          [&](const HeldFd& held) { return held.fd == victim.fd("spare"); });
            if (holder.fds.empty()) continue;
            only_swapped.steps[0].holders = std::vector{holder};
            (void)carry_out(only_swapped, policy);
            CHECK(victim.ask("errors") == "0 none");
        }
        CHECK(inode_behind(victim.pid(), victim.fd("spare")) == victim.number("inode"));
    }
}

TEST_CASE("a socket that is connected anew after the last look at it is left alone") {
    for (const Action action : {Action::close, Action::replace}) {
        CAPTURE(word(action));
        Victim victim({"reconnector"});
        Policy policy = policy_of({action});
        policy.include.push_back(Verdict::still_sending);  // else what has moved is seen first
        Plan plan = plan_for(victim, policy);
        REQUIRE(plan.steps.size() == 1);
        Holder holder = plan.steps[0].holders[0];
        std::erase_if(holder.fds,
                      [&](const HeldFd& held) { return held.fd == victim.fd("spare"); });
        plan.steps[0].holders = std::vector{holder};
        victim.ask("go");
        // When it is looked at, and held, is left to chance.
        CHECK(eventually([&] {
            const Outcome outcome = carry_out(plan, policy).front();
            return outcome.detail == "the application has begun to use the socket anew" &&
                   outcome.result == Result::refused && outcome.state_after != TcpState::closed;
        }));
        CHECK(victim.ask("errors") == "0 none");
    }
}

TEST_CASE("files that come and go at numbers next to it are never touched") {
    for (const Action action : {Action::close, Action::replace}) {
        CAPTURE(word(action));
        Victim victim({"fd-recycler"});
        CHECK(word(remedy(victim, policy_of({action})).result) == word(Result::cleared));
        // The freed number is the recycler's now, too.
        const std::uint64_t rounds = victim.ask_number("rounds");
        while (victim.ask_number("rounds") < rounds + 100) CHECK(victim.alive());
        CHECK(victim.ask("errors") == "0 none");
    }
}

TEST_CASE("who is not permitted changes nothing, and is told so") {
    for (const Action action : all) {
        CAPTURE(word(action));
        const Policy policy = policy_of({action});
        Victim victim({"close-wait"});
        Witness witness(victim);
        const Plan plan = plan_for(victim, policy);
        const int result = testing::in_child([&] {
            testing::become_nobody();
            const auto outcomes = carry_out(plan, policy);
            if (outcomes.size() != 1 || outcomes[0].detail.empty()) return 98;
            return static_cast<int>(outcomes[0].result);
        });
        // What runs inside the process was not begun, the rest was tried.
        const bool is_inside = action == Action::close || action == Action::replace;
        CHECK(result == static_cast<int>(is_inside ? Result::refused : Result::failed));
        witness.check_unharmed({});
    }
}

TEST_CASE("a process that is already traced keeps its tracer and its fd; a shutdown still works") {
    for (const Action action : {Action::close, Action::replace}) {
        CAPTURE(word(action));
        Victim victim({"traced"});
        Witness witness(victim);
        const Plan plan = plan_for(victim, policy_of({action}));
        CHECK(plan.steps.empty());
        CHECK(plan.left_alone.size() == 1);
        witness.check_unharmed({});
    }
    Victim victim({"traced"});
    Witness witness(victim);
    CHECK(word(remedy(victim, policy_of({Action::shutdown})).result) == word(Result::cleared));
    witness.check_unharmed({});
}

TEST_CASE("no register, blocking call or signal is lost while a socket is cleared") {
    for (const Action action : gentle) {
        CAPTURE(word(action));
        Victim registers({"registers", "mode=user"});
        Victim calls({"all-blocking-calls"});
        const auto& missing = calls.fact("missing");
        if (!missing.empty()) MESSAGE("not on this kernel: " << missing);
        Victim signals({"signal-order", "mode=read"});
        signals.ask("storm 2000");
        for (Victim* victim : {&registers, &calls, &signals}) {
            Witness witness(*victim);
            CHECK(word(remedy(*victim, policy_of({action})).result) == word(Result::cleared));
            witness.check_unharmed({victim->fd()});
        }
        CHECK(registers.ask_facts("regs").at("broken") == "0");
        for (const auto& [name, result] : calls.ask_facts("results")) {
            CAPTURE(name);
            CHECK(result == "blocked");
        }
        Facts counted;
        while (counted["received"] != "2000") counted = signals.ask_facts("signals");
        CHECK(counted.at("disordered") == "0");
        CHECK(counted.at("strange") == "0");
    }
}

TEST_CASE("a filter that kills on close does not see a shutdown") {
    Victim victim({"seccomp", "call=close", "verdict=kill"});
    Witness witness(victim);
    CHECK(word(remedy(victim, policy_of({Action::shutdown})).result) == word(Result::cleared));
    witness.check_unharmed({});
}

TEST_CASE("a stopped process stays stopped, and is whole when it goes on") {
    for (const Action action : {Action::shutdown, Action::close}) {
        CAPTURE(word(action));
        Victim victim({"close-wait"});
        Witness witness(victim);
        REQUIRE(kill(victim.pid(), SIGSTOP) == 0);
        REQUIRE(waitid(P_PID, static_cast<id_t>(victim.pid()), nullptr, WSTOPPED | WNOWAIT) == 0);
        const Outcome outcome = remedy(victim, policy_of({action}));
        INFO(outcome.detail);
        siginfo_t stopped{};
        CHECK(waitid(P_PID, static_cast<id_t>(victim.pid()), &stopped,
                     WSTOPPED | WNOHANG | WNOWAIT) == 0);
        CHECK(stopped.si_pid == victim.pid());
        REQUIRE(kill(victim.pid(), SIGCONT) == 0);
        witness.check_unharmed({victim.fd()});
        CHECK(outcome.state_after != TcpState::close_wait);
    }
}

TEST_SUITE_END();

}  // namespace unwait::test
