// SPDX-License-Identifier: MIT
#include "recheck.hpp"

#include <doctest/doctest.h>

#include <random>

#include "plan_digest.hpp"
#include "samples.hpp"
#include "unwait/diagnose.hpp"
#include "unwait/planner.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

using samples::diagnosed;
using samples::stuck;

Plan plan_of(const HeldSocket& held) {
    const Finding finding = diagnosed(held, 0);
    return make_plan({&finding, 1}, {}, samples::self());
}

/// The one outcome of a plan for stuck() when it has become `now`.
Outcome settled(const HeldSocket& now) {
    const Recheck result = recheck(plan_of(stuck()), plan_of(now), {});
    REQUIRE(result.settled.size() == 1);
    CHECK(result.settled[0].id == 1);
    return result.settled[0];
}

std::string refusal(const HeldSocket& now) {
    const Outcome outcome = settled(now);
    CHECK(outcome.result == Result::refused);
    CHECK_FALSE(outcome.action);
    return outcome.detail;
}

Plan any_plan(std::mt19937& random, const Policy& policy) {
    Selector everything;
    everything.states = *states_of_word("all");
    const auto findings = diagnose(samples::any_snapshot(random), everything, policy.min_idle);
    return make_plan(findings, policy, samples::self());
}

}  // namespace

TEST_CASE("what has not changed holds") {
    const Recheck result = recheck(plan_of(stuck()), plan_of(stuck()), {});
    CHECK(result.settled.empty());
    CHECK(result.plan.steps.size() == 1);
}

TEST_CASE("what has changed is named") {
    HeldSocket now = stuck();
    SUBCASE("state") {
        now.socket.state = TcpState::last_ack;
        CHECK(refusal(now) == "it is last-ack now, no more close-wait");
        CHECK(settled(now).state_after == TcpState::last_ack);
    }
    SUBCASE("inode") {
        now.socket.id.inode = 7;
        CHECK(refusal(now).starts_with("it is inode 7 "));
    }
    SUBCASE("file") {
        now.socket.id.inode = 0;
        CHECK(refusal(now) == "it has been closed since");
    }
    SUBCASE("idle") {
        now.socket.info->last_ack_recv_ms = 61'000;
        CHECK(refusal(now) ==
              "something came from the peer since: it has been idle for 1m1s, and "
              "was for 1h");
    }
    SUBCASE("unknown idle time") {
        now.socket.info.reset();
        CHECK(refusal(now).starts_with("something came from the peer since"));
    }
    SUBCASE("start time") {
        ++samples::altered(now.holders[0]).id.start_time;
        CHECK(refusal(now) == "pid 4711 is another process now, started later");
    }
    SUBCASE("holder gone") {
        samples::altered(now.holders[0]).id.pid = 4712;
        CHECK(refusal(now) == "pid 4711 (nginx) does not hold it any more");
    }
    SUBCASE("holder come") {
        now.holders.push_back(samples::nginx(4800, 9));
        CHECK(refusal(now) == "pid 4800 (nginx) holds it too now");
    }
    SUBCASE("remedy") {
        now.holders[0].fds[0].use.in_epoll = true;
        CHECK(refusal(now).starts_with(
            "what is to be done would be shutdown,replace now, no more shutdown,close: "));
    }
    SUBCASE("guard") {
        now.sending = true;
        now.socket.send_queue = 7;
        CHECK(refusal(now).starts_with("still-sending: "));
    }
}

TEST_CASE("a socket that is not there is gone, unless something else hides it") {
    const Plan saved = plan_of(stuck());
    const Recheck gone = recheck(saved, {}, {});
    REQUIRE(gone.settled.size() == 1);
    CHECK(gone.settled[0].result == Result::already_gone);
    CHECK(gone.settled[0].state_after == TcpState::closed);
    const Recheck hidden = recheck(saved, {}, {{1, "hidden"}});
    REQUIRE(hidden.settled.size() == 1);
    CHECK(hidden.settled[0].result == Result::refused);
    CHECK(hidden.settled[0].detail == "hidden");
}

TEST_CASE("nothing is done beyond the plan, and each of its steps is settled or still holds") {
    std::mt19937 random{11};
    for (int round = 0; round < 3'000; ++round) {
        const Policy policy = samples::any_policy(random);
        const Plan saved = any_plan(random, policy);
        const Recheck result = recheck(saved, any_plan(random, policy), {});
        REQUIRE(result.plan.steps.size() == saved.steps.size());
        auto next = result.settled.begin();
        for (std::size_t at = 0; at < saved.steps.size(); ++at) {
            const Step& before = saved.steps[at];
            const Step& after = result.plan.steps[at];
            REQUIRE(after.id == before.id);
            REQUIRE(after.actions == before.actions);
            REQUIRE(after.socket.id == before.socket.id);
            REQUIRE(after.holders.size() == before.holders.size());
            if (next != result.settled.end() && next->id == before.id) {
                REQUIRE_FALSE(next->detail.empty());
                ++next;
                continue;
            }
            for (std::size_t holder = 0; holder < before.holders.size(); ++holder) {
                REQUIRE(after.holders[holder].process->id == before.holders[holder].process->id);
                REQUIRE(numbers_of(after.holders[holder]) == numbers_of(before.holders[holder]));
            }
        }
        REQUIRE(next == result.settled.end());
    }
}

TEST_CASE("a digest is the SHA-256 of every field behind its length") {
    Report report;
    report.plan = Plan{};
    // printf '24:1970-01-01T00:00:00.000Z0:0:1:01:05:600004:10002:204:20005:100003:all3:1001:0' |
    // sha256sum
    CHECK(digest_of_plan(report) ==
          "sha256:5d8618609aa8e4859850349146f76b6f6afe6ff56bf6f4fa2dee31952c645a8f");
}

TEST_CASE("a digest tells plans apart and is the same for the same plan") {
    Report report;
    report.plan = plan_of(stuck());
    const std::string digest = digest_of_plan(report);
    CHECK(digest == digest_of_plan(report));
    std::swap(report.plan->steps[0].actions[0], report.plan->steps[0].actions[1]);
    CHECK(digest != digest_of_plan(report));
    report.plan = plan_of(stuck());
    Step& step = report.plan->steps[0];
    std::vector<Holder> holders(step.holders.begin(), step.holders.end());
    holders[0].fds[0].fd += 1;
    step.holders = holders;
    CHECK(digest != digest_of_plan(report));
}

TEST_CASE("a digest tells processes apart that other steps name too") {
    Report report;
    report.plan = plan_of(stuck());
    auto& steps = report.plan->steps;
    steps.push_back(steps[0]);
    const std::string digest = digest_of_plan(report);
    std::vector<Holder> holders(steps[1].holders.begin(), steps[1].holders.end());
    SUBCASE("the same in another place") {
        static_cast<void>(samples::altered(holders[0]));
        steps[1].holders = holders;
        CHECK(digest == digest_of_plan(report));
    }
    SUBCASE("another program") {
        samples::altered(holders[0]).exe += "x";
        steps[1].holders = holders;
        CHECK(digest != digest_of_plan(report));
    }
}

TEST_CASE("a plan is for its time and place") {
    using std::chrono::hours;
    using std::chrono::system_clock;
    Report saved;
    saved.boot_id = "one";
    saved.host = "here";
    saved.taken_at = system_clock::time_point{hours{1000}};
    const auto objection = [&](const Here& here) {
        return objection_to_plan(saved, here, hours{1}).value_or("");
    };
    const auto then = saved.taken_at;
    CHECK(objection({"one", "here", then}).empty());
    CHECK(objection({"one", "here", then + hours{1}}).empty());
    CHECK(objection({"one", "here", then + hours{2}}).starts_with("it is 2h old"));
    CHECK(objection({"one", "here", then - hours{2}}).find("in the future") != std::string::npos);
    CHECK(objection({"two", "here", then}).find("another one") != std::string::npos);
    CHECK(objection({"one", "there", then}).find("'here'") != std::string::npos);
}

}  // namespace unwait
