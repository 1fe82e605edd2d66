// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <sstream>

#include "effects.hpp"
#include "samples.hpp"
#include "text.hpp"
#include "unwait/diagnose.hpp"
#include "unwait/planner.hpp"
#include "vocabulary.hpp"

/// What must hold for every plan, tried on thousands of generated ones.
namespace unwait {
namespace {

constexpr int rounds = 5'000;

struct Case {
    std::vector<Finding> findings;
    Policy policy;
    Plan plan;
};

Case any_case(std::mt19937& random) {
    Selector selector;
    selector.states = *states_of_word("all");
    Case made;
    made.policy = samples::any_policy(random);
    made.findings = diagnose(samples::any_snapshot(random), selector, made.policy.min_idle);
    for (Finding& finding : made.findings) {
        if (random() % 30 == 0) {
            finding.verdict = random() % 2 == 0 ? Verdict::is_protected : Verdict::denied_by_policy;
        }
    }
    made.plan = make_plan(made.findings, made.policy, samples::self());
    return made;
}

std::set<std::uint64_t> cookies_of(const Plan& plan) {
    std::set<std::uint64_t> cookies;
    for (const Step& step : plan.steps) {
        cookies.insert(step.socket.id.cookie);
    }
    return cookies;
}

bool has(const std::vector<Action>& actions, Action action) {
    return std::ranges::find(actions, action) != actions.end();
}

/// What `--actions LIST` and `--include LIST` would make of a policy.
Policy overridden(Policy policy, const std::string& flags) {
    std::istringstream words{flags};
    std::string flag;
    std::string list;
    while (words >> flag >> list) {
        std::istringstream items{list};
        if (flag == "--actions") {
            policy.actions.clear();
        }
        for (std::string item; std::getline(items, item, ',');) {
            if (flag == "--actions") {
                policy.actions.push_back(action_of_word(item).value());
            } else {
                REQUIRE(flag == "--include");
                policy.include.push_back(includable_of_word(item).value());
            }
        }
    }
    return policy;
}

Policy widened(Policy policy, std::mt19937& random) {
    switch (random() % 5) {
        case 0:
            policy.include.push_back(static_cast<Verdict>(random() % 9));
            break;
        case 1:
            policy.min_idle = std::chrono::milliseconds{0};
            break;
        case 2:
            policy.max_sockets += 1;
            break;
        case 3:
            policy.max_processes += 1;
            break;
        default:
            if (!policy.actions.empty()) {
                policy.actions.push_back(static_cast<Action>(random() % 6));
            }
    }
    return policy;
}

Rulebook any_rulebook(std::mt19937& random) {
    Rulebook book;
    book.denies_by_default = random() % 3 == 0;
    if (random() % 4 == 0) {
        book.max_sockets = 1 + random() % 6;
    }
    for (std::size_t count = random() % 4; count > 0; --count) {
        Rule rule;
        rule.match.states = *states_of_word("all");
        if (random() % 2 == 0) {
            rule.match.pids.push_back({4711, 4713});
        }
        if (random() % 4 == 0) {
            rule.deny = "no";
        }
        if (random() % 2 == 0) {
            rule.actions = {static_cast<Action>(random() % 6), static_cast<Action>(random() % 6)};
        }
        rule.settle = std::chrono::seconds{random() % 4};
        rule.grace = std::chrono::seconds{random() % 20};
        rule.freeze = static_cast<Freeze>(random() % 2);
        rule.max_freeze = std::chrono::microseconds{1 + random() % 200};
        book.rules.push_back(rule);
    }
    return book;
}

}  // namespace

TEST_CASE("steps and what is left alone are the findings, in order") {
    std::mt19937 random{1};
    for (int round = 0; round < rounds; ++round) {
        const Case made = any_case(random);
        auto step = made.plan.steps.begin();
        auto left = made.plan.left_alone.begin();
        for (const Finding& finding : made.findings) {
            if (step != made.plan.steps.end() && step->socket == finding.socket) {
                REQUIRE(step->holders == finding.holders);
                ++step;
            } else {
                REQUIRE(left != made.plan.left_alone.end());
                REQUIRE(left->socket == finding.socket);
                REQUIRE(left->holders == finding.holders);
                ++left;
            }
        }
        REQUIRE(step == made.plan.steps.end());
        REQUIRE(left == made.plan.left_alone.end());
    }
}

TEST_CASE("every step is whole") {
    std::mt19937 random{2};
    for (int round = 0; round < rounds; ++round) {
        const Case made = any_case(random);
        unsigned id = 0;
        for (const Step& step : made.plan.steps) {
            REQUIRE(step.id == ++id);
            REQUIRE_FALSE(step.actions.empty());
            REQUIRE(std::ranges::is_sorted(step.actions));
            REQUIRE(std::ranges::adjacent_find(step.actions) == step.actions.end());
            REQUIRE(effects_of(step, made.policy).size() == step.actions.size());
            REQUIRE_FALSE(step.reason.empty());
            for (const Action action : step.actions) {
                REQUIRE((made.policy.actions.empty() ? action <= Action::replace
                                                     : has(made.policy.actions, action)));
                REQUIRE((!step.holders.empty() || action == Action::destroy));
            }
        }
    }
}

TEST_CASE("everything left alone says why") {
    std::mt19937 random{3};
    for (int round = 0; round < rounds; ++round) {
        for (const LeftAlone& left : any_case(random).plan.left_alone) {
            REQUIRE(left.reason != Verdict::stuck);
            REQUIRE_FALSE(left.text.empty());
            const bool final =
                left.reason == Verdict::is_protected || left.reason == Verdict::denied_by_policy;
            REQUIRE(left.override_flag.empty() == final);
        }
    }
}

TEST_CASE("no step touches what is protected") {
    std::mt19937 random{4};
    const Self self = samples::self();
    for (int round = 0; round < rounds; ++round) {
        for (const Step& step : any_case(random).plan.steps) {
            REQUIRE(step.socket.id.cookie != self.own_connections[0]);
            const bool signals = step.actions.back() >= Action::term;
            const bool inside =
                has(step.actions, Action::close) || has(step.actions, Action::replace);
            for (const Holder& holder : step.holders) {
                const pid_t pid = holder.process->id.pid;
                REQUIRE(pid != 1);
                REQUIRE_FALSE(((inside || signals) && pid == self.pid));
                REQUIRE_FALSE(((inside || signals) && holder.process->tracer != 0));
                REQUIRE_FALSE(
                    (signals && std::ranges::find(self.ancestors, pid) != self.ancestors.end()));
            }
        }
    }
}

TEST_CASE("wider permissions never remove a step, nor an action from it") {
    std::mt19937 random{5};
    for (int round = 0; round < rounds; ++round) {
        const Case made = any_case(random);
        const Policy wider = widened(made.policy, random);
        const Plan plan = make_plan(made.findings, wider, samples::self());
        const auto before = cookies_of(made.plan);
        const auto after = cookies_of(plan);
        REQUIRE(std::ranges::includes(after, before));
        for (const Step& step : made.plan.steps) {
            const auto same = std::ranges::find(plan.steps, step.socket, &Step::socket);
            REQUIRE(std::ranges::includes(same->actions, step.actions));
        }
        REQUIRE_FALSE((!made.plan.refusal && plan.refusal && before == after));
    }
}

TEST_CASE("a policy takes steps and actions away and adds none") {
    std::mt19937 random{9};
    for (int round = 0; round < rounds; ++round) {
        const Case made = any_case(random);
        const Rulebook book = any_rulebook(random);
        const Plan plan = make_plan(made.findings, made.policy, samples::self(), book);
        REQUIRE(plan.steps.size() + plan.left_alone.size() == made.findings.size());
        REQUIRE((!made.plan.refusal || plan.refusal || plan.steps.size() < made.plan.steps.size()));
        for (const Step& step : plan.steps) {
            const auto same = std::ranges::find(made.plan.steps, step.socket, &Step::socket);
            REQUIRE(same != made.plan.steps.end());
            for (const Action action : step.actions) {
                const bool careful = action == Action::replace && made.policy.actions.empty() &&
                                     has(same->actions, Action::close);
                REQUIRE((has(same->actions, action) || careful));
            }
            const Terms before = terms_of(*same, made.policy);
            const Terms after = terms_of(step, plan.policy);
            REQUIRE(after.settle >= before.settle);
            REQUIRE(after.grace >= before.grace);
            REQUIRE((before.freeze == Freeze::one || after.freeze == Freeze::all));
            REQUIRE(after.max_freeze <= before.max_freeze);
        }
    }
}

TEST_CASE("the flag that is said to include a finding does") {
    std::mt19937 random{6};
    for (int round = 0; round < rounds; ++round) {
        const Case made = any_case(random);
        for (const LeftAlone& left : made.plan.left_alone) {
            if (left.override_flag.empty()) {
                continue;
            }
            CAPTURE(left.override_flag);
            const Plan plan = make_plan(made.findings, overridden(made.policy, left.override_flag),
                                        samples::self());
            REQUIRE(cookies_of(plan).contains(left.socket.id.cookie));
        }
    }
}

TEST_CASE("a plan is refused exactly when it exceeds a limit") {
    std::mt19937 random{7};
    for (int round = 0; round < rounds; ++round) {
        const Case made = any_case(random);
        std::set<pid_t> pids;
        for (const Step& step : made.plan.steps) {
            for (const Holder& holder : step.holders) {
                pids.insert(holder.process->id.pid);
            }
        }
        const bool exceeded = made.plan.steps.size() > made.policy.max_sockets ||
                              pids.size() > made.policy.max_processes;
        REQUIRE(made.plan.refusal.has_value() == exceeded);
    }
}

TEST_CASE("no sentence of a plan can harm a terminal") {
    std::mt19937 random{8};
    for (int round = 0; round < rounds; ++round) {
        const Case made = any_case(random);
        const auto check = [](const std::string& sentence) {
            REQUIRE(printable(sentence) == sentence);
        };
        for (const Finding& finding : made.findings) {
            for (const Evidence& evidence : finding.evidence) {
                check(evidence.text);
            }
        }
        for (const Step& step : made.plan.steps) {
            check(step.reason);
            std::ranges::for_each(effects_of(step, made.policy), check);
        }
        for (const LeftAlone& left : made.plan.left_alone) {
            check(left.text);
        }
    }
}

}  // namespace unwait
