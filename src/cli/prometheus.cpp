// SPDX-License-Identifier: MIT
#include "prometheus.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// Of foreign origin, and bound for screens and messages.
std::string escaped(std::string_view value) {
    std::string text;
    for (const char letter : printable(value)) {
        if (letter == '\\' || letter == '"') text += '\\';
        text += letter;
    }
    return text;
}

std::string in_braces(const Labels& labels) {
    std::string text;
    for (const auto& [name, value] : labels) {
        text.append(text.empty() ? "{" : ",").append(name).append("=\"");
        text.append(escaped(value)).append("\"");
    }
    return text.empty() ? text : text + "}";
}

/// Seconds or a count: exact as far as it matters, and never in a form that depends on the locale.
std::string number(std::uint64_t thousandths) {
    std::string text = std::to_string(thousandths / 1000);
    if (thousandths % 1000 != 0) {
        text += "." + std::to_string(1000 + thousandths % 1000).substr(1);
    }
    return text;
}

/// One metric with its samples, ordered by their labels.
class Metric {
public:
    Metric(std::string_view name, std::string_view help) : name_(name), help_(help) {}

    /// In thousandths, as all values here.
    [[nodiscard]] std::uint64_t& at(const Labels& labels) { return samples_[in_braces(labels)]; }

    void write(std::string& text) const {
        text.append("# HELP ").append(name_).append(" ").append(help_);
        text.append("\n# TYPE ").append(name_).append(" gauge\n");
        for (const auto& [labels, value] : samples_) {
            text.append(name_).append(labels).append(" ").append(number(value)).append("\n");
        }
    }

private:
    std::string_view name_;
    std::string_view help_;
    std::map<std::string, std::uint64_t> samples_;
};

/// Not unknown, and not "unlimited".
bool is_a_limit(std::uint64_t limit) {
    return limit != 0 && limit <= std::numeric_limits<std::uint32_t>::max();
}

Labels labels_of(const Process* process) {
    if (process == nullptr) return {{"pid", ""}, {"process", ""}, {"unit", ""}};
    return {{"pid", std::to_string(process->id.pid)},
            {"process", process->command},
            {"unit", process->unit}};
}

}  // namespace

std::string prometheus_text(const Report& report) {
    Metric sockets{"unwait_sockets", "Selected sockets by holder, state and cause."};
    Metric oldest{"unwait_oldest_idle_seconds",
                  "Longest time since anything came from a peer, by holder."};
    Metric unread{"unwait_unread_bytes", "Bytes that arrived and were not read, by holder."};
    Metric fds{"unwait_process_open_fds", "Open file descriptors of a holder."};
    Metric limits{"unwait_process_max_fds", "Limit of open file descriptors of a holder."};
    Metric blind{"unwait_blind_spots", "Things that could not be looked at."};
    Metric time{"unwait_last_look_timestamp_seconds", "When this was looked at."};
    const auto count = [&](const Finding& finding, const Process* process) {
        Labels labels = labels_of(process);
        auto& idle = oldest.at(labels);
        idle = std::max(idle, idle_ms(finding.socket).value_or(0));
        unread.at(labels) += std::uint64_t{1000} * unread_bytes(finding.socket);
        if (process != nullptr) {
            fds.at(labels) = 1000 * process->fd_count;
            if (is_a_limit(process->fd_limit)) limits.at(labels) = 1000 * process->fd_limit;
        }
        labels.emplace_back("state", word(finding.socket.state));
        labels.emplace_back("cause", word(finding.cause));
        sockets.at(labels) += 1000;
    };
    for (const Finding& finding : report.findings) {
        for (const Holder& holder : finding.holders) count(finding, holder.process.get());
        if (finding.holders.empty()) count(finding, nullptr);
    }
    blind.at({}) = 1000 * report.blind_spots.size();
    time.at({}) = static_cast<std::uint64_t>(
        std::chrono::floor<std::chrono::milliseconds>(report.taken_at.time_since_epoch()).count());
    std::string text;
    for (const Metric* each : {&sockets, &oldest, &unread, &fds, &limits, &blind, &time}) {
        each->write(text);
    }
    return text;
}

}  // namespace unwait::cli
