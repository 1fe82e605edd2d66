// SPDX-License-Identifier: MIT
#include "carry_out.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "policy_facts.hpp"
#include "policy_file.hpp"
#include "progress.hpp"
#include "run_marks.hpp"
#include "unwait/error.hpp"
#include "unwait/execute.hpp"
#include "unwait/planner.hpp"
#include "unwait/take_snapshot.hpp"
#include "views.hpp"

namespace unwait::cli {

namespace {

std::string question(const Plan& plan) {
    const auto ends_process = [](const Step& step) {
        return std::ranges::any_of(step.actions, [](Action action) {
            return action == Action::term || action == Action::kill;
        });
    };
    std::string text = "Clear " + counted(plan.steps.size(), "socket");
    if (const std::size_t processes = processes_of(plan.steps).size(); processes > 0) {
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

/// Several as one.
class Observers final : public Observer {
public:
    explicit Observers(Observer* first) : all_{first} {}
    void add(Observer* another) { all_.push_back(another); }
    void on_outcome(const Step& step, const Outcome& outcome) override {
        for (Observer* each : all_) each->on_outcome(step, outcome);
    }

private:
    std::vector<Observer*> all_;
};

/// Whether every step has come to its end.
bool is_carried_out(const Report& report) {
    return report.outcomes && report.outcomes->size() == report.plan->steps.size();
}

std::string closing_line(const Report& report) {
    const Summary& summary = report.summary;
    if (summary.matched + summary.planned == 0) return "no socket matches";
    std::string line;
    if (summary.planned == 0) {
        line = "nothing to do";
    } else if (is_carried_out(report)) {
        line = std::to_string(summary.cleared) + " of " + counted(summary.planned, "socket") +
               " cleared";
    } else {
        const std::size_t settled = summary.cleared + summary.failed;
        line = counted(summary.planned - settled, "socket") + " to clear";
        if (summary.cleared != 0) line += ", " + std::to_string(summary.cleared) + " already gone";
        if (summary.failed != 0) line += ", " + std::to_string(summary.failed) + " refused";
    }
    if (summary.left_alone != 0) line += ", " + std::to_string(summary.left_alone) + " left alone";
    return line;
}

}  // namespace

Run::Run(const RunOptions& options)
    : options_(options),
      stop_(options.timeout),
      talk_(options.output),
      rulebook_(policy_in_force(options.policy)),
      printer_(make_printer(options.output)) {
    if (options.audit && !options.dry_run) audit_.emplace(*options.audit);
}

Plan Run::plan_for(std::span<const Finding> findings, const Policy& policy) const {
    return make_plan(findings, policy, read_self(findings), rulebook_,
                     gather_facts(rulebook_, findings));
}

/// Shows what is about to be done, and what is not, and asks if anything is. False when it must not
/// be done.
bool Run::has_consent(const Plan& plan, const std::vector<NetworkNamespace>& networks) const {
    const bool is_asked = !options_.yes && !plan.steps.empty();
    if (is_asked || !options_.output.quiet) {
        Look look = look_for(STDERR_FILENO, options_.output);
        look.networks = networks;
        plan_view(plan, look, [this](std::string_view text) { talk_.show(text); });
    }
    if (!is_asked) return true;
    switch (ask(question(plan))) {
        case Answer::yes:
            return true;
        case Answer::no:
            talk_.tell("not consented; nothing was done");
            return false;
        case Answer::nobody_to_ask:
            talk_.tell(
                "nobody to ask: standard input and error are not both a terminal; nothing "
                "was done. Look with --dry-run, then consent with --yes");
            return false;
    }
    return false;
}

ExitStatus Run::status_of(const Report& report) const {
    if (stop_.reason() == StopSign::Reason::interrupted) return ExitStatus::interrupted;
    if (stop_.reason() == StopSign::Reason::timeout) return ExitStatus::timed_out;
    const std::size_t ended = report.outcomes ? report.outcomes->size() : 0;
    if (options_.dry_run && report.plan->steps.size() > ended) {
        return options_.detailed_exitcode ? ExitStatus::work_to_do : ExitStatus::done;
    }
    if (!report.outcomes || std::ranges::all_of(*report.outcomes, has_cleared)) {
        return ExitStatus::done;
    }
    const bool untouched = std::ranges::all_of(*report.outcomes, [](const Outcome& outcome) {
        const bool refused = outcome.result == Result::refused;
        return !has_changed(outcome) && (refused || outcome.result == Result::already_gone);
    });
    return untouched ? ExitStatus::refused : ExitStatus::partly;
}

void Run::record_intents(Report& report, const Plan& open) {
    try {
        if (audit_) audit_->intend(report, open, rulebook_.path);
        if (rulebook_.cool_down) mark_runs(processes_of(open.steps));
    } catch (const Refused& refused) {
        report.plan->refusal = refused.what();
    }
}

ExitStatus Run::end(Report& report, ExitStatus status) {
    report.summary = summarize(report);
    printer_->finished(report);
    talk_.note(closing_line(report));
    return status;
}

ExitStatus Run::carry_out(Report& report, std::vector<Outcome> settled) {
    report.run_id = new_run_id();
    // Whoever cannot act is to hear of it before being asked.
    const auto runner = options_.dry_run ? nullptr : make_linux_runner(report.plan->policy, stop_);
    if (!settled.empty()) report.outcomes = settled;
    Plan room;
    const Plan& open = open_part(report, room);
    const bool is_consented =
        !report.plan->refusal && !options_.dry_run && has_consent(open, report.networks);
    if (is_consented && !open.steps.empty()) record_intents(report, open);  // or a refusal
    printer_->planned(report, !options_.dry_run);
    for (const Outcome& outcome : settled) {
        printer_->on_outcome(step_with_id(*report.plan, outcome.id), outcome);
    }
    if (report.plan->refusal) {
        talk_.tell("refused: " + *report.plan->refusal);
        return end(report, ExitStatus::refused);
    }
    if (options_.dry_run) return end(report, status_of(report));
    if (!is_consented) return end(report, ExitStatus::not_consented);
    report.findings = std::vector<Finding>();  // a hundred thousand take 40 MiB

    Observers observers{printer_.get()};
    if (audit_) observers.add(&*audit_);
    stop_.arm();
    std::optional<Progress> progress(std::in_place, talk_, "clearing", open.steps.size());
    observers.add(&*progress);
    auto outcomes = execute(open, *runner, stop_, observers);
    progress.reset();
    stop_.disarm();
    std::ranges::move(outcomes, std::back_inserter(settled));
    std::ranges::sort(settled, {}, &Outcome::id);
    report.outcomes = std::move(settled);
    const ExitStatus status = end(report, status_of(report));
    if (audit_) audit_->finish();
    return status;
}

}  // namespace unwait::cli
