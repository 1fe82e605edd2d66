// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "commands.hpp"
#include "groups.hpp"
#include "look.hpp"
#include "prometheus.hpp"
#include "replace_file.hpp"
#include "stop_switch.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "views.hpp"

namespace unwait::cli {

namespace {

/// What monitoring may be told to watch, each as a number.
struct Measures {
    std::array<double, 4> values{};  ///< in the order of Measure
    std::string worst;               ///< the process that holds most, for people
};

double value_of(const Measures& measures, Measure measure) {
    return measures.values.at(static_cast<std::size_t>(measure));
}

double percent_of_fds(const Process& process) {
    if (process.fd_limit == 0) return 0;
    return 100 * static_cast<double>(process.fd_count) / static_cast<double>(process.fd_limit);
}

Measures measure(std::span<const Finding> findings) {
    double oldest_ms = 0;
    double fullest = 0;
    for (const Finding& finding : findings) {
        const auto idle = idle_ms(finding.socket).value_or(0);
        oldest_ms = std::max(oldest_ms, static_cast<double>(idle));
        for (const Holder& holder : finding.holders) {
            fullest = std::max(fullest, percent_of_fds(*holder.process));
        }
    }
    Measures measures{{static_cast<double>(findings.size()), oldest_ms / 1000, fullest, 0}, ""};
    for (const Group& group : group_by(Grouping::process, findings)) {
        if (group.pid == 0) continue;
        measures.values.back() = static_cast<double>(group.sockets);
        measures.worst =
            group.key + "[" + std::to_string(group.pid) + "] with " + std::to_string(group.sockets);
        break;
    }
    return measures;
}

PluginStatus status_of(const CheckCommand& command, const Measures& measures) {
    const double value = value_of(measures, command.measure);
    if (command.critical && command.critical->is_alert(value)) return PluginStatus::critical;
    if (command.warning && command.warning->is_alert(value)) return PluginStatus::warning;
    return PluginStatus::ok;
}

/// At most two decimals, none of them needless.
std::string number(double value) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.2f", value);
    std::string number = text.data();
    number.erase(number.find_last_not_of('0') + 1);
    if (number.ends_with('.')) number.pop_back();
    return number;
}

/// 'label'=value[unit];[warn];[crit];[min];[max]
std::string performance_data(const CheckCommand& command, const Measures& measures) {
    constexpr std::array<std::string_view, 4> labels{"sockets", "oldest", "fd_use", "worst"};
    constexpr std::array<std::string_view, 4> units{"", "s", "%", ""};
    constexpr std::array<std::string_view, 4> limits{";0", ";0", ";0;100", ";0"};
    std::string text;
    for (std::size_t at = 0; at < labels.size(); ++at) {
        const bool watched = at == static_cast<std::size_t>(command.measure);
        text.append(at == 0 ? "" : " ").append(labels.at(at)).append("=");
        text.append(number(measures.values.at(at))).append(units.at(at)).append(";");
        if (watched && command.warning) text.append(command.warning->text);
        text.append(";");
        if (watched && command.critical) text.append(command.critical->text);
        text.append(limits.at(at));
    }
    return text;
}

/// One line, in which a bar begins the performance data.
std::string without_bars(std::string text) {
    std::ranges::replace(text, '|', '/');
    return text;
}

std::string summary(const Measures& measures, std::size_t blind_spots) {
    const auto sockets = static_cast<std::size_t>(measures.values.front());
    std::string text = counted(sockets, "socket");
    if (sockets == 0) return text + (blind_spots == 0 ? "" : "; not everything could be read");
    const auto seconds = static_cast<std::int64_t>(value_of(measures, Measure::idle));
    text += ", idle up to " + format_duration(std::chrono::seconds{seconds});
    if (!measures.worst.empty()) text += ", most held by " + measures.worst;
    text += ", fds used up to " + number(value_of(measures, Measure::fds)) + "%";
    return without_bars(printable(text));
}

PluginStatus tell(PluginStatus status, const std::string& text) {
    constexpr std::array<std::string_view, 4> words{"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    ResultStream stream;
    stream.write("UNWAIT " + std::string(words.at(static_cast<std::size_t>(status))) + ": " + text +
                 "\n");
    stream.flush();
    return status;
}

}  // namespace

PluginStatus check(const CheckCommand& command) {
    StopSwitch stop(command.timeout, Audience::monitoring);
    const Talk talk(Output{.quiet = true});
    const Report& report = look("check", command.selector, Policy{}.min_idle, false, talk);
    // From here on there is a file that would stay unfinished, or a line that would be followed by
    // another.
    stop.arm();
    if (command.prom) replace_file(*command.prom, prometheus_text(report));
    const Measures measures = measure(report.findings);
    const std::string text =
        summary(measures, report.blind_spots.size()) + " | " + performance_data(command, measures);
    switch (stop.reason()) {
        case StopSign::Reason::none:
            return tell(status_of(command, measures), text);
        case StopSign::Reason::timeout:
            return tell(PluginStatus::unknown, "--timeout passed");
        case StopSign::Reason::interrupted:
            break;
    }
    return tell(PluginStatus::unknown, "interrupted");
}

}  // namespace unwait::cli
