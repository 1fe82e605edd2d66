// SPDX-License-Identifier: MIT
#include "json.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "checkup.hpp"
#include "effects.hpp"
#include "explanation_json.hpp"
#include "json_text.hpp"
#include "plan_digest.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

using Json = JsonText;

template <typename Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

template <typename Values, typename Convert>
Json array_of(const Values& values, Convert convert) {
    Json array = Json::array();
    for (const auto& value : values) array.push_back(convert(value));
    return array;
}

Json text_json(const std::string& text) { return text; }

Json endpoint_json(const Endpoint& endpoint) {
    return {{"address", format_address(endpoint.address)}, {"port", endpoint.port}};
}

/// The path of the holders' cgroup, when they agree.
Json cgroup_json(std::span<const Holder> holders) {
    if (holders.empty() || holders.front().process->cgroup.empty()) return nullptr;
    const std::string& path = holders.front().process->cgroup;
    const bool agreed = std::ranges::all_of(
        holders, [&](const Holder& holder) { return holder.process->cgroup == path; });
    return agreed ? text_json(path) : Json(nullptr);
}

Json socket_json(const Socket& socket, std::span<const Holder> holders) {
    return {{"family", word(socket.family)},
            {"state", word(socket.state)},
            {"local", endpoint_json(socket.local)},
            {"peer", endpoint_json(socket.peer)},
            {"inode", socket.id.inode},
            {"cookie", socket.id.cookie},
            {"netns", socket.id.netns},
            {"recv_queue", socket.recv_queue},
            {"send_queue", socket.send_queue},
            {"unread_bytes", unread_bytes(socket)},
            {"idle_ms", or_null(idle_ms(socket))},
            {"uid", socket.uid},
            {"cgroup", cgroup_json(holders)},
            {"cgroup_id", or_null(socket.cgroup_id)}};
}

Json container_json(const Process& process) {
    if (process.container.empty()) return nullptr;
    return {{"runtime", process.container_runtime}, {"id", text_json(process.container)}};
}

Json holder_json(const Holder& holder) {
    const Process& process = *holder.process;
    Json fds = Json::array();
    std::map<pid_t, Json> of_threads;
    for (const HeldFd& held : holder.fds) {
        if (held.tid == process.id.pid) {
            fds.push_back(held.fd);
        } else {
            of_threads.try_emplace(held.tid, Json::array()).first->second.push_back(held.fd);
        }
    }
    Json threads = Json::array();
    for (auto& [tid, numbers] : of_threads) {
        threads.push_back({{"tid", tid}, {"fds", std::move(numbers)}});
    }
    return {{"pid", process.id.pid},
            {"start_time", process.id.start_time},
            {"command", text_json(process.command)},
            {"exe", text_json(process.exe)},
            {"user", text_json(process.user)},
            {"unit", text_json(process.unit)},
            {"container", container_json(process)},
            {"inner_pid", process.inner_pid == 0 ? Json(nullptr) : Json(process.inner_pid)},
            {"fds", std::move(fds)},
            {"threads", std::move(threads)}};
}

Json blind_spot_json(const BlindSpot& blind_spot) {
    return {{"code", blind_spot.code},
            {"pid", blind_spot.pid == 0 ? Json(nullptr) : Json(blind_spot.pid)},
            {"text", text_json(blind_spot.text)}};
}

Json evidence_json(const Evidence& evidence) {
    return {{"code", evidence.code}, {"text", text_json(evidence.text)}};
}

Json finding_json(const Finding& finding) {
    Json json = {{"socket", socket_json(finding.socket, finding.holders)},
                 {"holders", array_of(finding.holders, holder_json)},
                 {"cause", word(finding.cause)},
                 {"verdict", word(finding.verdict)},
                 {"evidence", array_of(finding.evidence, evidence_json)}};
    if (finding.explanation) json.add({"explanation", explanation_json(*finding.explanation)});
    return json;
}

Json check_json(const Check& check) {
    return {{"subject", word(check.subject)},
            {"pid", check.pid == 0 ? Json(nullptr) : Json(check.pid)},
            {"code", check.code},
            {"works", check.works},
            {"needed", check.needed},
            {"why", text_json(check.why)},
            {"remedy", check.remedy.empty() ? Json(nullptr) : text_json(check.remedy)}};
}

Json fullness_json(const Process& process) {
    return {
        {"pid", process.id.pid}, {"fd_count", process.fd_count}, {"fd_limit", process.fd_limit}};
}

Json group_json(Grouping by, const Group& group) {
    return {{"by", word(by)},
            {"key", group.key.empty() ? Json(nullptr) : text_json(group.key)},
            {"pid", group.pid == 0 ? Json(nullptr) : Json(group.pid)},
            {"sockets", group.sockets},
            {"stuck", group.stuck},
            {"oldest_idle_ms", or_null(group.oldest_idle_ms)},
            {"unread_bytes", group.unread_bytes},
            {"fullest", group.fullest ? fullness_json(*group.fullest) : Json(nullptr)}};
}

Json step_json(const Step& step, const Policy& policy) {
    return {{"id", step.id},
            {"socket", socket_json(step.socket, step.holders)},
            {"holders", array_of(step.holders, holder_json)},
            {"actions", array_of(step.actions, [](Action action) { return word(action); })},
            {"reason", text_json(step.reason)},
            {"effects", array_of(effects_of(step, policy), text_json)}};
}

Json left_alone_json(const LeftAlone& each) {
    return {
        {"socket", socket_json(each.socket, each.holders)},
        {"holders", array_of(each.holders, holder_json)},
        {"reason", word(each.reason)},
        {"text", text_json(each.text)},
        {"override", each.override_flag.empty() ? Json(nullptr) : Json(each.override_flag.str())}};
}

Json outcome_json(const Outcome& outcome) {
    return {{"id", outcome.id},
            {"result", word(outcome.result)},
            {"action", outcome.action ? Json(word(*outcome.action)) : Json(nullptr)},
            {"frees_fd", outcome.frees_fd},
            {"state_before", word(outcome.state_before)},
            {"state_after", word(outcome.state_after)},
            {"stopped_us", outcome.stopped.count()},
            {"duration_ms", outcome.duration.count()},
            {"detail", text_json(outcome.detail)}};
}

Json summary_json(const Summary& summary) {
    return {{"matched", summary.matched},       {"planned", summary.planned},
            {"left_alone", summary.left_alone}, {"cleared", summary.cleared},
            {"failed", summary.failed},         {"changed", summary.changed}};
}

Json network_json(const NetworkNamespace& network) {
    return {{"netns", network.inode},
            {"name", network.name.empty() ? Json(nullptr) : text_json(network.name)},
            {"pid", network.pid == 0 ? Json(nullptr) : Json(network.pid)},
            {"own", network.is_own}};
}

Json run_json(const Report& report) {
    Json run{{"format_version", format_version}, {"tool_version", UNWAIT_VERSION},
             {"command", report.command},        {"taken_at", format_time(report.taken_at)},
             {"boot_id", report.boot_id},        {"host", text_json(report.host)}};
    if (!report.run_id.empty()) run.add({"run_id", report.run_id});
    run.add({"networks", array_of(report.networks, network_json)});
    return run;
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : text_json(text);
}

Json operator_json(const Operator& who) {
    return {{"uid", who.uid},
            {"effective_uid", who.effective_uid},
            {"login_uid", or_null(who.login_uid)},
            {"sudo_user", text_or_null(who.sudo_user)},
            {"tty", text_or_null(who.tty)}};
}

Json audit_json(const AuditHead& head) {
    return {{"format_version", format_version},
            {"time", format_time(std::chrono::system_clock::now())},
            {"run_id", head.run_id},
            {"host", text_json(head.host)},
            {"boot_id", head.boot_id},
            {"tool_version", UNWAIT_VERSION},
            {"command", head.command},
            {"policy", text_or_null(head.policy)},
            {"who", operator_json(head.who)}};
}

std::string record(const char* type, const Json& members) {
    std::string line = Json{{"type", type}}.text();
    line.back() = ',';
    return line.append(members.text(), 1) + "\n";
}

/// "name":[…] with each element on a line of its own.
template <typename Values, typename Convert>
void write_array(ResultStream& stream, const char* name, const Values& values, Convert convert) {
    stream.write(Json(name).text() + ":[");
    const char* before = "\n";
    for (const auto& value : values) {
        stream.write(before + Json(convert(value)).text());
        before = ",\n";
    }
    stream.write(values.empty() ? "]" : "\n]");
}

Json settings_json(const Policy& policy) {
    const auto words = [](auto value) { return word(value); };
    return {
        {"actions", array_of(policy.actions, words)}, {"include", array_of(policy.include, words)},
        {"min_idle_ms", policy.min_idle.count()},     {"max_sockets", policy.max_sockets},
        {"max_processes", policy.max_processes},      {"settle_ms", policy.settle.count()},
        {"grace_ms", policy.grace.count()},           {"freeze", word(policy.freeze)},
        {"max_freeze_us", policy.max_freeze.count()}};
}

void write_plan(ResultStream& stream, const Report& report) {
    const Plan& plan = *report.plan;
    stream.write(",\n\"plan\":{");
    write_array(stream, "steps", plan.steps,
                [&plan](const Step& step) { return step_json(step, plan.policy); });
    stream.write(",\n");
    write_array(stream, "left_alone", plan.left_alone, left_alone_json);
    if (plan.refusal) stream.write(",\n\"refusal\":" + text_json(*plan.refusal).text());
    stream.write(",\n\"settings\":" + settings_json(plan.policy).text());
    stream.write(",\n\"digest\":" + Json(digest_of_plan(report)).text());
    stream.write("}");
}

}  // namespace

void write_json(ResultStream& stream, const Report& report,
                const std::optional<GroupedBy>& grouped) {
    std::string head = run_json(report).text();
    head.pop_back();
    stream.write(head + ",\n");
    write_array(stream, "blind_spots", report.blind_spots, blind_spot_json);
    stream.write(",\n");
    write_array(stream, "findings", report.findings, finding_json);
    if (grouped) {
        stream.write(",\n");
        write_array(stream, "groups", grouped->groups, std::bind_front(group_json, grouped->by));
    }
    if (report.checks) {
        stream.write(std::string(",\n\"doctor\":{\"works\":") +
                     Json(all_needed_work(*report.checks)).text() + ",");
        write_array(stream, "checks", *report.checks, check_json);
        stream.write("}");
    }
    if (report.plan) write_plan(stream, report);
    if (report.outcomes) {
        stream.write(",\n");
        write_array(stream, "outcomes", *report.outcomes, outcome_json);
    }
    stream.write(",\n\"summary\":" + summary_json(report.summary).text() + "}\n");
}

std::string run_record(const Report& report) { return record("run", run_json(report)); }

std::string blind_spot_record(const BlindSpot& blind_spot) {
    return record("blind_spot", blind_spot_json(blind_spot));
}

std::string check_record(const Check& check) { return record("check", check_json(check)); }

std::string finding_record(const Finding& finding) {
    return record("finding", finding_json(finding));
}

std::string group_record(Grouping by, const Group& group) {
    return record("group", group_json(by, group));
}

std::string step_record(const Step& step, const Policy& policy) {
    return record("step", step_json(step, policy));
}

std::string left_alone_record(const LeftAlone& left_alone) {
    return record("left_alone", left_alone_json(left_alone));
}

std::string refusal_record(const std::string& refusal) {
    return record("refusal", {{"text", text_json(refusal)}});
}

std::string outcome_record(const Outcome& outcome) {
    return record("outcome", outcome_json(outcome));
}

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

std::string summary_record(const Summary& summary) {
    return record("summary", summary_json(summary));
}

}  // namespace unwait::cli
