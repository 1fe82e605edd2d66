// SPDX-License-Identifier: MIT
#include "remedy_run.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <string>

#include "unwait/diagnose.hpp"
#include "unwait/execute.hpp"
#include "unwait/planner.hpp"
#include "unwait/take_snapshot.hpp"

namespace unwait::test {
namespace {

class NeverStops final : public StopSign {
public:
    [[nodiscard]] Reason reason() const override { return Reason::none; }
    [[nodiscard]] int poll_fd() const override { return -1; }
    [[nodiscard]] std::chrono::milliseconds left() const override {
        return std::chrono::minutes(1);
    }
};

class Silent final : public Observer {
public:
    void on_outcome(const Step&, const Outcome&) override {}
};

std::string shown(const std::map<int, std::uint64_t>& fds) {
    std::string text;
    for (const auto& [fd, inode] : fds)
        text += std::to_string(fd) + "=" + std::to_string(inode) + " ";
    return text;
}

}  // namespace

Policy policy_of(std::vector<Action> actions) {
    Policy policy;
    policy.actions = std::move(actions);
    policy.min_idle = {};
    policy.settle = std::chrono::milliseconds(50);
    return policy;
}

Plan plan_for(const Victim& victim, const Policy& policy) {
    const Victim* const one = &victim;
    return plan_for({&one, 1}, policy);
}

Plan plan_for(std::span<const Victim* const> victims, const Policy& policy) {
    Selector selector;
    auto& inodes = selector.inodes.emplace_back();
    for (const Victim* victim : victims) inodes.push_back(victim->number("inode"));
    const Snapshot snapshot = take_snapshot(selector, true);
    const auto findings = diagnose(snapshot, selector, policy.min_idle);
    REQUIRE(findings.size() == victims.size());
    return make_plan(findings, policy, Self{});
}

std::vector<Outcome> carry_out(const Plan& plan, const Policy& policy) {
    NeverStops stop;
    Silent observer;
    const auto runner = make_linux_runner(policy, stop);
    return execute(plan, *runner, stop, observer);
}

Outcome remedy(const Victim& victim, const Policy& policy) {
    const Plan plan = plan_for(victim, policy);
    REQUIRE(plan.steps.size() == 1);
    const auto outcomes = carry_out(plan, policy);
    REQUIRE(outcomes.size() == 1);
    return outcomes.front();
}

std::uint64_t inode_behind(pid_t pid, int fd) {
    const std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

Witness::Witness(Victim& victim)
    : victim_(victim), fds_(victim.fds()), mask_(victim.ask("sigmask")) {}

void Witness::check_unharmed(const std::vector<int>& touched) {
    auto now = victim_.fds();
    for (const int fd : touched) {
        fds_.erase(fd);
        now.erase(fd);
    }
    CHECK(shown(now) == shown(fds_));
    CHECK(victim_.ask("sigmask") == mask_);
    CHECK(victim_.ask("errors") == "0 none");
    CHECK(victim_.alive());
}

}  // namespace unwait::test
