// SPDX-License-Identifier: MIT
// Sockets whose connection is over while an fd of them is still open.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "remedy_run.hpp"
#include "unwait/diagnose.hpp"
#include "unwait/planner.hpp"
#include "unwait/take_snapshot.hpp"
#include "vocabulary.hpp"

namespace unwait::test {
namespace {

std::vector<Finding> dead_ones() {
    Selector selector;
    selector.states = dead_sockets;
    return diagnose(take_snapshot(selector, true), selector, std::chrono::milliseconds{0});
}

/// For the one dead socket of the victim.
Plan dead_plan(const Victim& victim, const Policy& policy) {
    Selector selector;
    selector.states = dead_sockets;
    selector.inodes = {{victim.number("inode")}};
    const auto findings = diagnose(take_snapshot(selector, true), selector, policy.min_idle);
    REQUIRE(findings.size() == 1);
    return make_plan(findings, policy, Self{});
}

bool has(const std::vector<Finding>& findings, std::uint64_t inode) {
    return std::ranges::any_of(
        findings, [inode](const Finding& finding) { return finding.socket.id.inode == inode; });
}

TEST_CASE("a dead socket is found, one that was never connected is not") {
    for (const char* family : {"v4", "v6"}) {
        CAPTURE(family);
        const Victim victim({"dead", std::string("family=") + family});
        const Victim alive({"close-wait"});
        const auto findings = dead_ones();
        const auto found = std::ranges::find_if(findings, [&victim](const Finding& finding) {
            return finding.socket.id.inode == victim.number("inode");
        });
        REQUIRE(found != findings.end());
        CHECK(found->socket.id.cookie == victim.number("cookie"));
        CHECK(found->socket.state == TcpState::closed);
        CHECK(found->socket.local.port == victim.number("port"));
        CHECK(found->cause == Cause::dead);
        CHECK(found->verdict == Verdict::stuck);
        REQUIRE(found->holders.size() == 1);
        CHECK(found->holders.front().fds.front().fd == victim.fd());
        for (const char* other : {"fresh", "refused"})
            CHECK_FALSE(has(findings, victim.number(other)));
        CHECK_FALSE(has(findings, alive.number("inode")));
    }
}

TEST_CASE("no other state includes dead sockets") {
    const Victim victim({"dead"});
    Selector selector;
    selector.states = *states_of_word("all");
    const auto findings =
        diagnose(take_snapshot(selector, false), selector, std::chrono::milliseconds{0});
    CHECK_FALSE(has(findings, victim.number("inode")));
}

TEST_CASE("a dead socket is cleared by close and replace") {
    for (const std::vector<Action>& actions :
         {std::vector<Action>{}, {Action::close}, {Action::replace}}) {
        Victim victim({"dead"});
        const Policy policy = policy_of(actions);
        const Plan plan = dead_plan(victim, policy);
        REQUIRE(plan.steps.size() == 1);
        const bool replaces = plan.steps[0].actions == std::vector{Action::replace};
        CHECK((replaces || plan.steps[0].actions == std::vector{Action::close}));
        const auto outcomes = carry_out(plan, policy);
        REQUIRE(outcomes.size() == 1);
        CHECK(word(outcomes[0].result) == "cleared");
        CHECK(outcomes[0].frees_fd == !replaces);
        const auto fds = victim.fds();
        CHECK(fds.contains(victim.fd()) == replaces);
        if (replaces) CHECK(fds.at(victim.fd()) != victim.number("inode"));
        CHECK_FALSE(has(dead_ones(), victim.number("inode")));
    }
}

TEST_CASE("a dead socket that has been connected again is left alone") {
    for (const Action action : {Action::close, Action::replace}) {
        Victim victim({"dead"});
        const Policy policy = policy_of({action});
        const Plan plan = dead_plan(victim, policy);
        REQUIRE(plan.steps.size() == 1);
        REQUIRE(victim.ask("reconnect") == "connected");
        const auto outcomes = carry_out(plan, policy);
        REQUIRE(outcomes.size() == 1);
        CHECK(word(outcomes[0].result) == "refused");
        CHECK(outcomes[0].detail.find("the socket is established now") != std::string::npos);
        CHECK(victim.fds().at(victim.fd()) == victim.number("inode"));
    }
}

TEST_CASE("nothing else can be done to a dead socket") {
    const Victim victim({"dead"});
    const Plan plan = dead_plan(victim, policy_of({Action::shutdown, Action::destroy}));
    REQUIRE(plan.left_alone.size() == 1);
    CHECK(plan.left_alone[0].text.str().find("its connection is over already") !=
          std::string::npos);
}

}  // namespace
}  // namespace unwait::test
