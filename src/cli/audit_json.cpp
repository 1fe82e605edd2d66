// SPDX-License-Identifier: MIT
#include "audit_json.hpp"

#include <chrono>

#include "text.hpp"
#include "value_json.hpp"

namespace unwait::cli {

namespace {

using Json = JsonText;

Json operator_json(const Operator& who) {
    return {{"uid", who.uid},
            {"effective_uid", who.effective_uid},
            {"login_uid", or_null(who.login_uid)},
            {"sudo_user", or_null(who.sudo_user)},
            {"tty", or_null(who.tty)}};
}

Json audit_json(const AuditHead& head) {
    return {{"format_version", format_version},
            {"time", format_time(std::chrono::system_clock::now())},
            {"run_id", head.run_id},
            {"host", head.host},
            {"boot_id", head.boot_id},
            {"tool_version", UNWAIT_VERSION},
            {"command", head.command},
            {"policy", or_null(head.policy)},
            {"who", operator_json(head.who)}};
}

}  // namespace

std::string intent_record(const AuditHead& head, const Step& step, const Policy& policy) {
    Json json = audit_json(head);
    json.add({"step", step_json(step, policy)});
    return record("intent", json);
}

std::string audited_outcome_record(const AuditHead& head, const Step& step,
                                   const Outcome& outcome) {
    Json json = audit_json(head);
    json.add({"socket", socket_json(step.socket, step.holders)});
    json.add({"outcome", outcome_json(outcome)});
    return record("outcome", json);
}

}  // namespace unwait::cli
