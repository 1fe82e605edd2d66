// SPDX-License-Identifier: MIT
#include "explanation_json.hpp"

#include <string>

#include "vocabulary.hpp"

namespace unwait::cli {

// Not in an unnamed namespace, where they would not be found by their arguments.

static void write_json(JsonText& text, const PortShare& share) {
    text.write({{"port", share.first}, {"sockets", share.second}});
}

static void write_json(JsonText& text, const FdShare& share) {
    text.write({{"pid", share.pid},
                {"fd_count", share.open},
                {"fd_limit", share.limit},
                {"sockets", share.sockets},
                {"ports", share.ports}});
}

static void write_json(JsonText& text, const StackFrame& frame) {
    text.write({{"address", frame.address},
                {"function", unless_empty(frame.function)},
                {"offset", frame.offset},
                {"object", unless_empty(frame.object)}});
}

static void write_json(JsonText& text, const ThreadStory& thread) {
    const ThreadActivity& activity = thread.activity;
    text.write({{"pid", activity.pid},
                {"tid", activity.tid},
                {"command", activity.command},
                {"state", std::string_view(&activity.state, 1)},
                {"call", unless_empty(activity.call)},
                {"fds", activity.fds},
                {"wait_channel", unless_empty(activity.wait_channel)},
                {"on_socket", thread.on_socket},
                {"stack", thread.stack},
                {"no_stack", unless_empty(thread.no_stack)},
                {"stopped_us", thread.stopped.count()}});
}

static void write_json(JsonText& text, const Observation::Calls& calls) {
    text.write({{"call", calls.call}, {"looks", calls.looks}});
}

static void write_json(JsonText& text, const Observation::Traced& traced) {
    text.write({{"call", traced.call}, {"count", traced.count}});
}

static void write_json(JsonText& text, const Observation& observation) {
    text.write({{"duration_ms", observation.duration.count()},
                {"looks", observation.looks},
                {"touched", observation.touched()},
                {"calls", observation.calls},
                {"traced", observation.traced},
                {"not_traced", unless_empty(observation.not_traced)},
                {"read_bytes", observation.read},
                {"read_end", observation.read_end},
                {"written_bytes", observation.written},
                {"received_bytes", observation.received},
                {"gone", observation.is_gone},
                {"text", observation.text}});
}

static void write_json(JsonText& text, const ActionView& view) {
    text.write({{"action", view.action}, {"possible", view.possible}, {"text", view.text}});
}

void write_json(JsonText& text, const Explanation& explanation) {
    text.write({{"fd_use", explanation.shares},
                {"threads", explanation.threads},
                {"observation", explanation.observation},
                {"plan", explanation.plan},
                {"actions", explanation.actions},
                {"advice", explanation.advice}});
}

}  // namespace unwait::cli
