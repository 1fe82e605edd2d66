// SPDX-License-Identifier: MIT
#include "story.hpp"

#include <array>
#include <cstdio>

#include "sentence.hpp"
#include "text.hpp"
#include "unwait/explanation.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

constexpr std::size_t label_width = 10;
constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view plain = "\x1b[0m";

/// A title and labelled lines; a label is written once for all lines that have it.
class Story {
public:
    explicit Story(bool colored) : colored_(colored) {}

    void title(const std::string& line) {
        text_ +=
            colored_ ? std::string(bold) + printable(line) + std::string(plain) : printable(line);
        text_ += "\n";
    }
    void line(std::string_view label, std::string_view text) {
        std::string column(label == label_ ? "" : label);
        column.resize(label_width, ' ');
        text_ += "  " + column + printable(text) + "\n";
        label_ = label;
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    bool colored_;
    std::string text_;
    std::string label_;
};

std::string age_of(const Finding& finding) {
    const auto idle = idle_ms(finding.socket);
    if (!idle) return "the kernel does not say";
    return "at least " +
           format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(*idle))) +
           " since the peer's last packet";
}

std::string holder_line(const Holder& holder) {
    const Process& process = *holder.process;
    std::string text = named(process) + " " + fds_of(holder) + ", user " + process.user;
    if (!process.unit.empty()) text += ", unit " + process.unit;
    if (!process.container.empty()) {
        text += ", " + process.container_runtime + " container " + process.container;
    }
    if (process.inner_pid != 0) text += ", pid " + std::to_string(process.inner_pid) + " inside";
    if (!process.cgroup.empty()) text += ", cgroup " + process.cgroup;
    if (!process.exe.empty()) text += ", runs " + process.exe;
    return text;
}

std::string share_line(const FdShare& share, TcpState state) {
    std::string text = "pid " + std::to_string(share.pid) + " has " + std::to_string(share.open);
    if (share.limit != 0) text += " of " + std::to_string(share.limit);
    text += share.open == 1 ? " fd open" : " fds open";
    if (share.sockets == 0) return text;
    text += ", " + std::to_string(share.sockets) + " for sockets in " + std::string(word(state));
    constexpr std::size_t few = 4;
    for (std::size_t at = 0; at < share.ports.size(); ++at) {
        if (at == few) return text + ", and other ports";
        const auto& [port, count] = share.ports[at];
        text += at == 0 ? ": " : ", ";
        text += (share.ports.size() == 1 ? "all" : std::to_string(count)) +
                " from :" + std::to_string(port);
    }
    return text;
}

std::string frame_line(std::size_t number, const StackFrame& frame) {
    std::array<char, 32> address{};
    std::snprintf(address.data(), address.size(), "0x%016llx",
                  static_cast<unsigned long long>(frame.address));
    std::string text = "    #" + std::to_string(number) + " " + address.data() + " ";
    text += frame.function.empty() ? "?" : frame.function + "+" + std::to_string(frame.offset);
    if (!frame.object.empty()) text += " (" + frame.object + ")";
    return text;
}

void tell_threads(Story& story, const Explanation& explanation) {
    if (!explanation.threads.empty() && !explanation.threads.front().on_socket) {
        story.line("threads", "none waits in a call on it; instead:");
    }
    for (const ThreadStory& thread : explanation.threads) {
        const ThreadActivity& activity = thread.activity;
        std::string text = std::to_string(activity.tid) + " of pid " +
                           std::to_string(activity.pid) + " (" + activity.command + ") " +
                           activity_of(activity);
        if (!activity.wait_channel.empty()) text += " [" + activity.wait_channel + "]";
        story.line("threads", text);
        for (std::size_t at = 0; at < thread.stack.size(); ++at) {
            story.line("threads", frame_line(at, thread.stack[at]));
        }
        if (thread.stopped.count() > 0) {
            story.line("threads", "    held for " + format_duration(thread.stopped));
        }
        if (!thread.no_stack.empty()) story.line("threads", "    " + thread.no_stack);
    }
}

void tell_explanation(Story& story, const Finding& finding, const Explanation& explanation) {
    for (const FdShare& share : explanation.shares) {
        story.line("fds", share_line(share, finding.socket.state));
    }
    tell_threads(story, explanation);
    if (explanation.observation) story.line("observed", explanation.observation->text);
    story.line("plan", explanation.plan);
    for (const ActionView& view : explanation.actions) {
        story.line(word(view.action), view.possible ? view.text : "not possible: " + view.text);
    }
    story.line("mend", explanation.advice);
}

void tell(Story& story, const Finding& finding) {
    const Socket& socket = finding.socket;
    story.title(std::string(word(socket.state)) + " " + format_endpoint(socket.local) +
                " with peer " + format_endpoint(socket.peer) + ", inode " +
                std::to_string(socket.id.inode));
    story.line("cause", word(finding.cause));
    story.line("verdict", word(finding.verdict));
    story.line("age", age_of(finding));
    story.line("queues", "Recv-Q " + std::to_string(socket.recv_queue) + ", Send-Q " +
                             std::to_string(socket.send_queue));
    if (socket.memory) {
        story.line("queues", "memory: " + std::to_string(socket.memory->receive) + " of " +
                                 std::to_string(socket.memory->receive_limit) +
                                 " bytes to receive, " + std::to_string(socket.memory->send) +
                                 " of " + std::to_string(socket.memory->send_limit) + " to send");
    }
    for (const Holder& holder : finding.holders) story.line("holder", holder_line(holder));
    for (const Evidence& evidence : finding.evidence) story.line("evidence", evidence.text.str());
    if (finding.explanation) tell_explanation(story, finding, *finding.explanation);
}

}  // namespace

void stories_view(std::span<const Finding> findings, const Look& look, const Sink& sink) {
    for (const Finding& finding : findings) {
        if (&finding != &findings.front()) sink("\n");
        Story story(look.colored);
        tell(story, finding);
        sink(story.take());
    }
}

}  // namespace unwait::cli
