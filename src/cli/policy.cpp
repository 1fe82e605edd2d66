// SPDX-License-Identifier: MIT
#include "commands.hpp"
#include "look.hpp"
#include "policy_facts.hpp"
#include "policy_file.hpp"
#include "printer.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "views.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

ExitStatus check_policy(const PolicyCheckCommand& command) {
    const Rulebook book = load_policy(command.policy);
    ResultStream stream;
    stream.write(printable(command.policy) + ": valid, " + counted(book.rules.size(), "rule") +
                 "; what none of them matches is " +
                 (book.denies_by_default ? "denied\n" : "allowed\n"));
    stream.flush();
    return ExitStatus::done;
}

ExitStatus explain_policy(const PolicyExplainCommand& command) {
    const Talk talk(command.output);
    const Rulebook book = policy_in_force(command.policy);
    if (book.path.empty()) talk.note("no policy is in force: everything is allowed");
    Report& report = look("policy explain", command.selector, Policy{}.min_idle, true, talk);
    const PolicyFacts facts = gather_facts(book, report.findings);
    for (Finding& finding : report.findings) {
        if (rule_on(book, finding, facts).denial) finding.verdict = Verdict::denied_by_policy;
        finding.evidence.clear();
        for (std::string& step : reasoning_on(book, finding, facts)) {
            finding.evidence.push_back({evidence_code::policy, std::move(step)});
        }
    }
    Output output = command.output;
    output.verbose = true;  // the reasoning is what was asked for
    make_printer(output)->finished(report);
    if (report.findings.empty()) talk.note("no socket matches");
    return ExitStatus::done;
}

}  // namespace unwait::cli
