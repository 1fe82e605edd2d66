// SPDX-License-Identifier: MIT
#include "audit_json.hpp"

#include <chrono>

#include "text.hpp"
#include "value_json.hpp"

namespace unwait::cli {

// Not in an unnamed namespace, where they would not be found by their arguments.

static void write_json(JsonText& text, const Operator& who) {
    text.write({{"uid", who.uid},
                {"effective_uid", who.effective_uid},
                {"login_uid", who.login_uid},
                {"sudo_user", unless_empty(who.sudo_user)},
                {"tty", unless_empty(who.tty)}});
}

static void write_json(JsonText& text, const AuditHead& head) {
    text.write({{"format_version", format_version},
                {"time", format_time(std::chrono::system_clock::now())},
                {"run_id", head.run_id},
                {"host", head.host},
                {"boot_id", head.boot_id},
                {"tool_version", UNWAIT_VERSION},
                {"command", head.command},
                {"policy", unless_empty(head.policy)},
                {"who", head.who}});
}

std::string intent_record(const AuditHead& head, const Step& step, const Policy& policy) {
    return record("intent", [&](JsonText& text) {
        text.write(head);
        text.merge({{"step", StepOfPlan{step, policy}}});
    });
}

std::string audited_outcome_record(const AuditHead& head, const Step& step,
                                   const Outcome& outcome) {
    return record("outcome", [&](JsonText& text) {
        text.write(head);
        text.merge({{"socket", SocketOfHolders{step.socket, step.holders}}, {"outcome", outcome}});
    });
}

}  // namespace unwait::cli
