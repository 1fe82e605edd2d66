// SPDX-License-Identifier: MIT
#include "explanation_json.hpp"

#include <string>

#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

using Json = JsonText;

Json share_json(const FdShare& share) {
    const auto port_json = [](const auto& port) -> Json {
        return {{"port", port.first}, {"sockets", port.second}};
    };
    return {{"pid", share.pid},
            {"fd_count", share.open},
            {"fd_limit", share.limit},
            {"sockets", share.sockets},
            {"ports", array_of(share.ports, port_json)}};
}

Json frame_json(const StackFrame& frame) {
    return {{"address", frame.address},
            {"function", or_null(frame.function)},
            {"offset", frame.offset},
            {"object", or_null(frame.object)}};
}

Json thread_json(const ThreadStory& thread) {
    const ThreadActivity& activity = thread.activity;
    return {{"pid", activity.pid},
            {"tid", activity.tid},
            {"command", activity.command},
            {"state", std::string(1, activity.state)},
            {"call", or_null(activity.call)},
            {"fds", array_of(activity.fds, [](int fd) { return Json(fd); })},
            {"wait_channel", or_null(activity.wait_channel)},
            {"on_socket", thread.on_socket},
            {"stack", array_of(thread.stack, frame_json)},
            {"no_stack", or_null(thread.no_stack)},
            {"stopped_us", thread.stopped.count()}};
}

Json observation_json(const Observation& observation) {
    const auto call_json = [](const Observation::Calls& calls) -> Json {
        return {{"call", calls.call}, {"looks", calls.looks}};
    };
    const auto traced_json = [](const Observation::Traced& traced) -> Json {
        return {{"call", traced.call}, {"count", traced.count}};
    };
    return {
        {"duration_ms", observation.duration.count()},
        {"looks", observation.looks},
        {"touched", observation.touched()},
        {"calls", array_of(observation.calls, call_json)},
        {"traced", observation.traced ? array_of(*observation.traced, traced_json) : Json(nullptr)},
        {"not_traced", or_null(observation.not_traced)},
        {"read_bytes", observation.read},
        {"read_end", observation.read_end},
        {"written_bytes", observation.written},
        {"received_bytes", observation.received},
        {"gone", observation.is_gone},
        {"text", observation.text}};
}

Json action_json(const ActionView& view) {
    return {{"action", word(view.action)}, {"possible", view.possible}, {"text", view.text}};
}

}  // namespace

Json explanation_json(const Explanation& explanation) {
    return {{"fd_use", array_of(explanation.shares, share_json)},
            {"threads", array_of(explanation.threads, thread_json)},
            {"observation",
             explanation.observation ? observation_json(*explanation.observation) : Json(nullptr)},
            {"plan", explanation.plan},
            {"actions", array_of(explanation.actions, action_json)},
            {"advice", explanation.advice}};
}

}  // namespace unwait::cli
