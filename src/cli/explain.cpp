// SPDX-License-Identifier: MIT
#include <optional>

#include "commands.hpp"
#include "investigate.hpp"
#include "look.hpp"
#include "printer.hpp"
#include "progress.hpp"
#include "stop_switch.hpp"
#include "terminal.hpp"
#include "unwait/take_snapshot.hpp"

namespace unwait::cli {

ExitStatus explain(const ExplainCommand& command) {
    const StopSwitch stop(command.timeout);
    const Talk talk(command.output);
    Report& report = look("explain", command.selector, command.policy.min_idle, true, talk);
    std::optional<Progress> progress(std::in_place, talk, "watching and asking");
    investigate(report.findings, command.selector, command.inquiry, command.policy,
                read_self(report.findings));
    progress.reset();
    make_printer(command.output)->finished(report);
    if (report.findings.empty()) talk.note("no socket matches");
    return ExitStatus::done;
}

}  // namespace unwait::cli
