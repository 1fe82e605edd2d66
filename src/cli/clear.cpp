// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "commands.hpp"
#include "execute.hpp"
#include "look.hpp"
#include "planner.hpp"
#include "printer.hpp"
#include "stop_switch.hpp"
#include "take_snapshot.hpp"
#include "terminal.hpp"
#include "views.hpp"

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

std::string question(const Plan& plan) {
    const auto ends_process = [](const Step& step) {
        return std::ranges::any_of(step.actions, [](Action action) {
            return action == Action::term || action == Action::kill;
        });
    };
    std::string text = "Clear " + counted(plan.steps.size(), "socket");
    if (const std::size_t processes = count_processes(plan.steps); processes > 0) {
        text += " of " + counted(processes, "process", "es");
    }
    if (std::ranges::any_of(plan.steps, ends_process)) text += ", ending processes if need be";
    return text + "?";
}

/// Whether an action took effect, even if not all of it.
bool has_changed(const Outcome& outcome) {
    if (!outcome.action || outcome.result == Result::already_gone) return false;
    return outcome.result == Result::cleared || outcome.frees_fd ||
           outcome.state_before != outcome.state_after;
}

bool has_cleared(const Outcome& outcome) {
    return outcome.result == Result::cleared || outcome.result == Result::already_gone;
}

Summary summarize(const Report& report) {
    Summary summary = report.summary;
    summary.planned = report.plan->steps.size();
    summary.left_alone = report.plan->left_alone.size();
    if (!report.outcomes) return summary;
    const auto& outcomes = *report.outcomes;
    summary.cleared = static_cast<std::size_t>(std::ranges::count_if(outcomes, has_cleared));
    summary.failed = outcomes.size() - summary.cleared;
    summary.changed = std::ranges::any_of(outcomes, has_changed);
    return summary;
}

ExitStatus status_of(const ClearCommand& command, const Report& report, StopSign::Reason stopped) {
    if (stopped == StopSign::Reason::interrupted) return ExitStatus::interrupted;
    if (stopped == StopSign::Reason::timeout) return ExitStatus::timed_out;
    if (!report.outcomes) {
        const bool to_do = !report.plan->steps.empty();
        return to_do && command.detailed_exitcode ? ExitStatus::work_to_do : ExitStatus::done;
    }
    if (std::ranges::all_of(*report.outcomes, has_cleared)) return ExitStatus::done;
    const bool untouched = std::ranges::all_of(*report.outcomes, [](const Outcome& outcome) {
        return outcome.result == Result::refused && !has_changed(outcome);
    });
    return untouched ? ExitStatus::refused : ExitStatus::partly;
}

std::string closing_line(const Report& report) {
    const Summary& summary = report.summary;
    if (summary.matched == 0) return "no socket matches";
    std::string line;
    if (summary.planned == 0) {
        line = "nothing to do";
    } else if (report.outcomes) {
        line = std::to_string(summary.cleared) + " of " + counted(summary.planned, "socket") +
               " cleared";
    } else {
        line = counted(summary.planned, "socket") + " to clear";
    }
    if (summary.left_alone != 0) line += ", " + std::to_string(summary.left_alone) + " left alone";
    return line;
}

std::optional<std::string> refusal_of(const ClearCommand& command, const Report& report) {
    if (report.plan->refusal) return report.plan->refusal;
    if (const BlindSpot* unreadable = unreadable_choice(command, report)) return unreadable->text;
    return std::nullopt;
}

/// Shows what is about to be done and asks. False when it must not be done.
bool consent(const ClearCommand& command, const Plan& plan, const Talk& talk) {
    if (!command.yes || !command.output.quiet) {
        talk.show(plan_view(plan, look_for(STDERR_FILENO, command.output)));
    }
    if (command.yes) return true;
    switch (ask(question(plan))) {
        case Answer::yes:
            return true;
        case Answer::no:
            talk.tell("not consented; nothing was done");
            return false;
        case Answer::nobody_to_ask:
            talk.tell(
                "nobody to ask: standard input and error are not both a terminal; nothing "
                "was done. Look with --dry-run, then consent with --yes");
            return false;
    }
    return false;
}

}  // namespace

ExitStatus clear(const ClearCommand& command) {
    StopSwitch stop(command.timeout);
    const Talk talk(command.output);
    const auto runner =
        command.dry_run ? make_dry_runner() : make_linux_runner(command.policy, stop);
    const auto printer = make_printer(command.output);
    const auto end = [&](Report& report, ExitStatus status) {
        report.summary = summarize(report);
        printer->finished(report);
        talk.note(closing_line(report));
        return status;
    };

    Report report = look("clear", command.selector, command.policy.min_idle, true, talk);
    report.plan = make_plan(report.findings, command.policy, read_self(report.findings));
    const bool for_real = runner->needs_consent();
    printer->planned(report, for_real);
    if (const auto refusal = refusal_of(command, report)) {
        talk.tell("refused: " + *refusal);
        return end(report, ExitStatus::refused);
    }
    if (for_real && !report.plan->steps.empty() && !consent(command, *report.plan, talk)) {
        return end(report, ExitStatus::not_consented);
    }

    stop.arm();
    auto outcomes = execute(*report.plan, *runner, stop, *printer);
    stop.disarm();
    if (for_real) report.outcomes = std::move(outcomes);
    return end(report, status_of(command, report, stop.reason()));
}

}  // namespace unwait::cli
