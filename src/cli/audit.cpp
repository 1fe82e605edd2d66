// SPDX-License-Identifier: MIT
#include "audit.hpp"

#include <string_view>
#include <vector>

#include "sentence.hpp"
#include "system_log.hpp"
#include "text.hpp"
#include "unwait/error.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

/// What an outcome's record is at most, but for a very long detail.
constexpr std::size_t largest_outcome = 4096;

/// With the first of the records.
std::vector<LogField> fields_of(const AuditHead& head, const Step& step, std::string_view records) {
    std::vector<LogField> fields{
        {"UNWAIT_RUN_ID", head.run_id},
        {"UNWAIT_COMMAND", head.command},
        {"UNWAIT_STEP", std::to_string(step.id)},
        {"UNWAIT_LOCAL", format_endpoint(step.socket.local)},
        {"UNWAIT_PEER", format_endpoint(step.socket.peer)},
        {"UNWAIT_COOKIE", std::to_string(step.socket.id.cookie)},
        {"UNWAIT_RECORD", std::string(records.substr(0, records.find('\n')))},
    };
    for (const Holder& holder : step.holders) {
        fields.emplace_back("UNWAIT_HOLDER", std::to_string(holder.process->id.pid));
    }
    return fields;
}

std::string subject(const Step& step) {
    const std::string by = step.holders.empty() ? "nobody" : fds_of(step.holders);
    return format_endpoint(step.socket.local) + " - " + format_endpoint(step.socket.peer) +
           " held by " + by;
}

}  // namespace

void Audit::intend(const Report& report, const Plan& plan, const std::string& policy) {
    head_ = {report.run_id, report.boot_id, report.host, report.command, policy, read_operator()};
    std::string lines;
    for (const Step& step : plan.steps) lines += intent_record(head_, step, plan.policy);
    file_.append_durably(lines, plan.steps.size() * largest_outcome);
    std::string_view rest = lines;
    for (const Step& step : plan.steps) {
        auto fields = fields_of(head_, step, rest);
        rest.remove_prefix(rest.find('\n') + 1);
        fields.emplace_back("UNWAIT_TYPE", "intent");
        fields.emplace_back("UNWAIT_ACTIONS", ladder_text(step.actions));
        log_to_system("run " + head_.run_id + " intends " + ladder_text(step.actions) + " on " +
                          subject(step),
                      fields);
    }
}

void Audit::on_outcome(const Step& step, const Outcome& outcome) {
    const std::string record = audited_outcome_record(head_, step, outcome);
    // Steps under way must be finished whatever becomes of this; finish() says what went wrong.
    try {
        file_.append(record);
    } catch (const Error&) {
        failure_ = std::current_exception();
    }
    auto fields = fields_of(head_, step, record);
    fields.emplace_back("UNWAIT_TYPE", "outcome");
    fields.emplace_back("UNWAIT_RESULT", word(outcome.result));
    if (outcome.action) fields.emplace_back("UNWAIT_ACTION", word(*outcome.action));
    log_to_system("run " + head_.run_id + ": " + std::string(word(outcome.result)) + ", " +
                      subject(step) +
                      (outcome.detail.empty() ? "" : ": " + printable(outcome.detail)),
                  fields);
}

void Audit::finish() {
    if (failure_) std::rethrow_exception(failure_);
    file_.sync();
}

}  // namespace unwait::cli
