// SPDX-License-Identifier: MIT
#include "value_json.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "effects.hpp"
#include "explanation_json.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

using Json = JsonText;

Json endpoint_json(const Endpoint& endpoint) {
    return {{"address", format_address(endpoint.address)}, {"port", endpoint.port}};
}

/// The path of the holders' cgroup, when they agree.
Json cgroup_json(std::span<const Holder> holders) {
    if (holders.empty() || holders.front().process->cgroup.empty()) return nullptr;
    const std::string& path = holders.front().process->cgroup;
    const bool agreed = std::ranges::all_of(
        holders, [&](const Holder& holder) { return holder.process->cgroup == path; });
    return agreed ? Json(path) : Json(nullptr);
}

Json container_json(const Process& process) {
    if (process.container.empty()) return nullptr;
    return {{"runtime", process.container_runtime}, {"id", process.container}};
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
            {"command", process.command},
            {"exe", process.exe},
            {"user", process.user},
            {"unit", process.unit},
            {"container", container_json(process)},
            {"inner_pid", process.inner_pid == 0 ? Json(nullptr) : Json(process.inner_pid)},
            {"fds", std::move(fds)},
            {"threads", std::move(threads)}};
}

Json evidence_json(const Evidence& evidence) {
    return {{"code", evidence.code}, {"text", evidence.text.str()}};
}

Json fullness_json(const Process& process) {
    return {
        {"pid", process.id.pid}, {"fd_count", process.fd_count}, {"fd_limit", process.fd_limit}};
}

}  // namespace

JsonText socket_json(const Socket& socket, std::span<const Holder> holders) {
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

JsonText blind_spot_json(const BlindSpot& blind_spot) {
    return {{"code", blind_spot.code},
            {"pid", blind_spot.pid == 0 ? Json(nullptr) : Json(blind_spot.pid)},
            {"text", blind_spot.text}};
}

JsonText finding_json(const Finding& finding) {
    Json json = {{"socket", socket_json(finding.socket, finding.holders)},
                 {"holders", array_of(finding.holders, holder_json)},
                 {"cause", word(finding.cause)},
                 {"verdict", word(finding.verdict)},
                 {"evidence", array_of(finding.evidence, evidence_json)}};
    if (finding.explanation) json.add({"explanation", explanation_json(*finding.explanation)});
    return json;
}

JsonText check_json(const Check& check) {
    return {{"subject", word(check.subject)},
            {"pid", check.pid == 0 ? Json(nullptr) : Json(check.pid)},
            {"code", check.code},
            {"works", check.works},
            {"needed", check.needed},
            {"why", check.why},
            {"remedy", or_null(check.remedy)}};
}

JsonText group_json(Grouping by, const Group& group) {
    return {{"by", word(by)},
            {"key", or_null(group.key)},
            {"pid", group.pid == 0 ? Json(nullptr) : Json(group.pid)},
            {"sockets", group.sockets},
            {"stuck", group.stuck},
            {"oldest_idle_ms", or_null(group.oldest_idle_ms)},
            {"unread_bytes", group.unread_bytes},
            {"fullest", group.fullest ? fullness_json(*group.fullest) : Json(nullptr)}};
}

JsonText step_json(const Step& step, const Policy& policy) {
    return {{"id", step.id},
            {"socket", socket_json(step.socket, step.holders)},
            {"holders", array_of(step.holders, holder_json)},
            {"actions", array_of(step.actions, [](Action action) { return word(action); })},
            {"reason", step.reason.str()},
            {"effects", array_of(effects_of(step, policy), std::identity{})}};
}

JsonText left_alone_json(const LeftAlone& each) {
    return {{"socket", socket_json(each.socket, each.holders)},
            {"holders", array_of(each.holders, holder_json)},
            {"reason", word(each.reason)},
            {"text", each.text.str()},
            {"override", or_null(each.override_flag.str())}};
}

JsonText outcome_json(const Outcome& outcome) {
    return {{"id", outcome.id},
            {"result", word(outcome.result)},
            {"action", outcome.action ? Json(word(*outcome.action)) : Json(nullptr)},
            {"frees_fd", outcome.frees_fd},
            {"state_before", word(outcome.state_before)},
            {"state_after", word(outcome.state_after)},
            {"stopped_us", outcome.stopped.count()},
            {"duration_ms", outcome.duration.count()},
            {"detail", outcome.detail}};
}

JsonText summary_json(const Summary& summary) {
    return {{"matched", summary.matched},       {"planned", summary.planned},
            {"left_alone", summary.left_alone}, {"cleared", summary.cleared},
            {"failed", summary.failed},         {"changed", summary.changed}};
}

JsonText network_json(const NetworkNamespace& network) {
    return {{"netns", network.inode},
            {"name", or_null(network.name)},
            {"pid", network.pid == 0 ? Json(nullptr) : Json(network.pid)},
            {"own", network.is_own}};
}

std::string record(const char* type, const JsonText& members) {
    std::string line = Json{{"type", type}}.text();
    line.back() = ',';
    return line.append(members.text(), 1) + "\n";
}

}  // namespace unwait::cli
