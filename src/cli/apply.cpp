// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "carry_out.hpp"
#include "commands.hpp"
#include "held.hpp"
#include "look.hpp"
#include "machine.hpp"
#include "plan_file.hpp"
#include "recheck.hpp"
#include "sentence.hpp"
#include "unwait/error.hpp"

namespace unwait::cli {

namespace {

void require_fitness(const ApplyCommand& command, const Report& saved, const Machine& machine) {
    const Here here{machine.boot_id, machine.host, std::chrono::system_clock::now()};
    if (const auto objection = objection_to_plan(saved, here, command.max_plan_age)) {
        throw Refused(command.plan + ": " + *objection);
    }
}

/// The settings of the plan, or fewer.
Policy policy_for(const ApplyCommand& command, const Plan& saved) {
    Policy policy = saved.policy;
    policy.max_sockets =
        std::min(policy.max_sockets, command.max_sockets.value_or(policy.max_sockets));
    policy.max_processes =
        std::min(policy.max_processes, command.max_processes.value_or(policy.max_processes));
    return policy;
}

std::vector<const Socket*> sockets_of(const Plan& plan) {
    std::vector<const Socket*> sockets;
    sockets.reserve(plan.steps.size());
    for (const Step& step : plan.steps) sockets.push_back(&step.socket);
    return sockets;
}

/// What else than its end may hide the socket of a step, which has not been found.
std::map<unsigned, std::string> other_reasons(const Plan& saved,
                                              const std::vector<NetworkNamespace>& networks) {
    std::map<unsigned, std::string> reasons;
    for (const Step& step : saved.steps) {
        const std::uint64_t netns = step.socket.id.netns;
        if (std::ranges::find(networks, netns, &NetworkNamespace::inode) == networks.end()) {
            reasons[step.id] = "its network namespace " + std::to_string(netns) +
                               " has gone, or may not be entered";
        } else if (is_held(step)) {
            reasons[step.id] = "the connection has ended since, and " + fds_of(step.holders) +
                               " may still lead to what is left of it";
        }
    }
    return reasons;
}

}  // namespace

ExitStatus apply(const ApplyCommand& command) {
    Run run(command.run);
    const Report saved = load_plan(command.plan);
    const Machine machine = read_machine();
    require_fitness(command, saved, machine);
    const Policy policy = policy_for(command, *saved.plan);

    Report& report = look_at("apply", sockets_of(*saved.plan), policy.min_idle, run.talk());
    const Plan now = run.plan_for(report.findings, policy);
    auto [plan, settled] = recheck(*saved.plan, now, other_reasons(*saved.plan, report.networks));
    report.plan = std::move(plan);
    return run.carry_out(report, std::move(settled));
}

}  // namespace unwait::cli
