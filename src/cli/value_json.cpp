// SPDX-License-Identifier: MIT
#include "value_json.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "effects.hpp"
#include "explanation_json.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

/// The path of the holders' cgroup, when they agree.
std::string_view cgroup_of(std::span<const Holder> holders) {
    if (holders.empty()) return {};
    const std::string& path = holders.front().process->cgroup;
    const bool agreed = std::ranges::all_of(
        holders, [&](const Holder& holder) { return holder.process->cgroup == path; });
    return agreed ? path : std::string_view();
}

struct ContainerOf {
    const Process& process;
};

using FdsOfThread = std::pair<const pid_t, std::vector<int>>;

}  // namespace

// Not in the unnamed namespace, where they would not be found by their arguments.

static void write_json(JsonText& text, const Endpoint& endpoint) {
    text.write({{"address", format_address(endpoint.address)}, {"port", endpoint.port}});
}

static void write_json(JsonText& text, const ContainerOf& of) {
    const auto& [process] = of;
    if (process.container.empty()) return text.write(nullptr);
    text.write({{"runtime", process.container_runtime}, {"id", process.container}});
}

static void write_json(JsonText& text, const FdsOfThread& thread) {
    text.write({{"tid", thread.first}, {"fds", thread.second}});
}

static void write_json(JsonText& text, const Holder& holder) {
    const Process& process = *holder.process;
    std::vector<int> fds;
    std::map<pid_t, std::vector<int>> of_threads;
    for (const HeldFd& held : holder.fds) {
        (held.tid == process.id.pid ? fds : of_threads[held.tid]).push_back(held.fd);
    }
    text.write({{"pid", process.id.pid},
                {"start_time", process.id.start_time},
                {"command", process.command},
                {"exe", process.exe},
                {"user", process.user},
                {"unit", process.unit},
                {"container", ContainerOf{process}},
                {"inner_pid", unless_zero(process.inner_pid)},
                {"fds", fds},
                {"threads", of_threads}});
}

static void write_json(JsonText& text, const Evidence& evidence) {
    text.write({{"code", evidence.code}, {"text", evidence.text.str()}});
}

/// How full it is.
static void write_json(JsonText& text, const Process& process) {
    text.write(
        {{"pid", process.id.pid}, {"fd_count", process.fd_count}, {"fd_limit", process.fd_limit}});
}

void write_json(JsonText& text, const SocketOfHolders& of) {
    const auto& [socket, holders] = of;
    text.write({{"family", socket.family},
                {"state", socket.state},
                {"local", socket.local},
                {"peer", socket.peer},
                {"inode", socket.id.inode},
                {"cookie", socket.id.cookie},
                {"netns", socket.id.netns},
                {"recv_queue", socket.recv_queue},
                {"send_queue", socket.send_queue},
                {"unread_bytes", unread_bytes(socket)},
                {"idle_ms", idle_ms(socket)},
                {"uid", socket.uid},
                {"cgroup", unless_empty(cgroup_of(holders))},
                {"cgroup_id", socket.cgroup_id}});
}

void write_json(JsonText& text, const BlindSpot& blind_spot) {
    text.write({{"code", blind_spot.code},
                {"pid", unless_zero(blind_spot.pid)},
                {"text", blind_spot.text}});
}

void write_json(JsonText& text, const Finding& finding) {
    text.write({{"socket", SocketOfHolders{finding.socket, finding.holders}},
                {"holders", finding.holders},
                {"cause", finding.cause},
                {"verdict", finding.verdict},
                {"evidence", finding.evidence}});
    if (finding.explanation) text.merge({{"explanation", *finding.explanation}});
}

void write_json(JsonText& text, const Check& check) {
    text.write({{"subject", check.subject},
                {"pid", unless_zero(check.pid)},
                {"code", check.code},
                {"works", check.works},
                {"needed", check.needed},
                {"why", check.why},
                {"remedy", unless_empty(check.remedy)}});
}

void write_json(JsonText& text, const GroupBy& of) {
    const auto& [by, group] = of;
    text.write({{"by", by},
                {"key", unless_empty(group.key)},
                {"pid", unless_zero(group.pid)},
                {"sockets", group.sockets},
                {"stuck", group.stuck},
                {"oldest_idle_ms", group.oldest_idle_ms},
                {"unread_bytes", group.unread_bytes},
                {"fullest", group.fullest}});
}

void write_json(JsonText& text, const StepOfPlan& of) {
    const auto& [step, policy] = of;
    text.write({{"id", step.id},
                {"socket", SocketOfHolders{step.socket, step.holders}},
                {"holders", step.holders},
                {"actions", step.actions},
                {"reason", step.reason.str()},
                {"effects", effects_of(step, policy)}});
}

void write_json(JsonText& text, const LeftAlone& each) {
    text.write({{"socket", SocketOfHolders{each.socket, each.holders}},
                {"holders", each.holders},
                {"reason", each.reason},
                {"text", each.text.str()},
                {"override", unless_empty(each.override_flag.str())}});
}

void write_json(JsonText& text, const Outcome& outcome) {
    text.write({{"id", outcome.id},
                {"result", outcome.result},
                {"action", outcome.action},
                {"frees_fd", outcome.frees_fd},
                {"state_before", outcome.state_before},
                {"state_after", outcome.state_after},
                {"stopped_us", outcome.stopped.count()},
                {"duration_ms", outcome.duration.count()},
                {"detail", outcome.detail}});
}

void write_json(JsonText& text, const Summary& summary) {
    text.write({{"matched", summary.matched},
                {"planned", summary.planned},
                {"left_alone", summary.left_alone},
                {"cleared", summary.cleared},
                {"failed", summary.failed},
                {"changed", summary.changed}});
}

void write_json(JsonText& text, const NetworkNamespace& network) {
    text.write({{"netns", network.inode},
                {"name", unless_empty(network.name)},
                {"pid", unless_zero(network.pid)},
                {"own", network.is_own}});
}

std::string record(const char* type, const JsonText::Value& members) {
    JsonText line;
    line.write({{"type", type}});
    line.merge(members);
    line.append("\n");
    return std::move(line).text();
}

}  // namespace unwait::cli
