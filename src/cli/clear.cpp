// SPDX-License-Identifier: MIT
#include <algorithm>

#include "carry_out.hpp"
#include "commands.hpp"
#include "look.hpp"

namespace unwait::cli {

namespace {

/// A process that was named by its pid and may not be read: whatever it holds would be missed.
const BlindSpot* unreadable_choice(const ClearCommand& command, const Report& report) {
    const auto chosen = [&](pid_t pid) {
        return pid != 0 && std::ranges::any_of(command.selector.pids, [&](const auto& any_of) {
                   return std::ranges::find(any_of, pid) != any_of.end();
               });
    };
    const auto found = std::ranges::find_if(report.blind_spots, chosen, &BlindSpot::pid);
    return found == report.blind_spots.end() ? nullptr : &*found;
}

}  // namespace

ExitStatus clear(const ClearCommand& command) {
    Run run(command.run);
    Report& report = look("clear", command.selector, command.policy.min_idle, true, run.talk());
    report.plan = run.plan_for(report.findings, command.policy);
    const BlindSpot* const unreadable = unreadable_choice(command, report);
    if (unreadable != nullptr && !report.plan->refusal) report.plan->refusal = unreadable->text;
    return run.carry_out(report, {});
}

}  // namespace unwait::cli
