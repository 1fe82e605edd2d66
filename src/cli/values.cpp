// SPDX-License-Identifier: MIT
#include "values.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "exhibit.hpp"
#include "filter_names.hpp"
#include "filter_text.hpp"
#include "text.hpp"
#include "usage_error.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

constexpr std::uint64_t pid_limit = 4'194'304;  // PID_MAX_LIMIT, proc_sys_kernel(5)
constexpr std::size_t longest_regex = 1000;     // std::regex recurses over its text
constexpr auto grouping_words =
    std::to_array<std::string_view>({"process", "unit", "port", "peer"});
constexpr auto format_words = std::to_array<std::string_view>({"table", "json", "ndjson"});
constexpr auto measure_words =
    std::to_array<std::string_view>({"sockets", "idle", "fds", "process"});
constexpr auto color_words = std::to_array<std::string_view>({"auto", "always", "never"});

[[noreturn]] void reject(std::string_view option, std::string_view text, const std::string& why) {
    throw UsageError("--" + std::string(option) + ": " + quoted(text) + " " + why,
                     "see 'unwait help' or unwait(8)");
}

[[noreturn]] void reject_word(std::string_view option, std::string_view text, std::string_view kind,
                              std::span<const std::string_view> words) {
    std::string why = "is not " + std::string(kind);
    if (const auto near = nearest(text, words)) {
        why += "; did you mean " + quoted(*near) + "?";
    } else {
        why += " (";
        for (const auto& each : words) why.append(&each == &words.front() ? "" : ", ").append(each);
        why += ")";
    }
    reject(option, text, why);
}

const std::vector<std::string>& values_of(const Given& given, std::string_view option) {
    static const std::vector<std::string> none;
    const auto found = given.find(option);
    return found == given.end() ? none : found->second;
}

std::vector<std::string_view> split(std::string_view list) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t comma = list.find(',');
        parts.push_back(list.substr(0, comma));
        if (comma == std::string_view::npos) return parts;
        list.remove_prefix(comma + 1);
    }
}

/// One AnyOf for each occurrence of the option; `parse` gives an optional value for one word.
template <typename Value, typename Parse>
std::vector<AnyOf<Value>> lists_of(const Given& given, std::string_view option,
                                   const std::string& why, Parse parse) {
    std::vector<AnyOf<Value>> lists;
    for (const std::string& list : values_of(given, option)) {
        auto& any_of = lists.emplace_back();
        for (const std::string_view text : split(list)) {
            const auto value = text.empty() ? std::optional<Value>() : parse(text);
            if (!value) reject(option, text, why);
            any_of.push_back(*value);
        }
    }
    return lists;
}

template <typename Number>
auto number_between(std::uint64_t low, std::uint64_t high) {
    return [low, high](std::string_view text) -> std::optional<Number> {
        const auto number = parse_number(text);
        if (!number || *number < low || *number > high) return std::nullopt;
        return static_cast<Number>(*number);
    };
}

std::optional<std::string> any_text(std::string_view text) { return std::string(text); }

std::optional<std::string> cgroup_path(std::string_view text) {
    constexpr std::string_view mount = "/sys/fs/cgroup";
    if (text.starts_with(mount)) text.remove_prefix(mount.size());
    while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
    if (!text.starts_with('/')) return std::nullopt;
    return std::string(text);
}

std::vector<Filter> filters_of(const Given& given) {
    const auto& texts = values_of(given, "filter");
    if (texts.empty()) return {};
    const Services services = read_services();
    std::vector<Filter> filters;
    for (const std::string& text : texts) {
        auto parsed = parse_filter(text, services);
        if (const auto* error = std::get_if<FilterError>(&parsed)) {
            throw UsageError("--filter: " + error->what, "see FILTER EXPRESSIONS in unwait(8)",
                             exhibit_of(text, error->at, error->length));
        }
        filters.push_back(std::get<Filter>(std::move(parsed)));
    }
    return filters;
}

/// Where neither --state nor a filter says one, the default.
StateMask states_of(const Given& given, std::span<const Filter> filters) {
    constexpr StateMask any_state = ~StateMask{0};
    StateMask states = any_state;
    for (const std::string& list : values_of(given, "state")) {
        StateMask any_of = 0;
        for (const std::string_view text : split(list)) {
            const auto mask = states_of_word(text);
            if (!mask) reject_word("state", text, "a TCP state", state_words());
            any_of |= *mask;
        }
        states &= any_of;
        if (states == 0) reject("state", list, "leaves no state: a socket has only one");
    }
    for (const Filter& filter : filters) states &= filter.states.value_or(any_state);
    if (states == 0) {
        throw UsageError("--filter: its state words leave no state beside the others",
                         "a socket has only one state");
    }
    return states == any_state ? Selector{}.states : states;
}

std::vector<Pattern> patterns_of(const Given& given) {
    std::vector<Pattern> patterns;
    for (const std::string& text : values_of(given, "process")) {
        if (text.size() > longest_regex) {
            reject("process", text.substr(0, 20) + "...", "is too long for a regular expression");
        }
        try {
            patterns.push_back({text, std::regex(text)});
        } catch (const std::regex_error& error) {
            reject("process", text, std::string("is not a regular expression: ") + error.what());
        }
    }
    return patterns;
}

template <std::size_t Size>
std::optional<std::size_t> choice_of(const Given& given, std::string_view option,
                                     const std::array<std::string_view, Size>& words) {
    const auto& values = values_of(given, option);
    if (values.empty()) return std::nullopt;
    const auto* const found = std::ranges::find(words, values.front());
    if (found == words.end()) reject_word(option, values.front(), "one of its words", words);
    return static_cast<std::size_t>(found - words.begin());
}

AnyOf<std::string> networks_of(const Given& given) {
    AnyOf<std::string> networks;
    for (const std::string& list : values_of(given, "netns")) {
        for (const std::string_view text : split(list)) {
            if (text.empty()) {
                reject("netns", text,
                       "is not self, all, a pid, the name of a namespace, or a path");
            }
            networks.emplace_back(text);
        }
    }
    return networks;
}

}  // namespace

std::string_view word(Grouping grouping) {
    return grouping_words.at(static_cast<std::size_t>(grouping));
}

Selector selector_of(const Given& given) {
    const std::string not_endpoint =
        "is not ADDR[/LEN][:PORT], with an IPv6 address before a port "
        "in brackets";
    const std::string not_port = "is not a port (0-65535) or a range N-M";
    Selector selector;
    selector.filters = filters_of(given);
    selector.states = states_of(given, selector.filters);
    selector.pids = lists_of<pid_t>(given, "pid", "is not a process id (1-4194304)",
                                    number_between<pid_t>(1, pid_limit));
    selector.fds = lists_of<int>(given, "fd", "is not a file descriptor number",
                                 number_between<int>(0, std::numeric_limits<int>::max()));
    selector.processes = patterns_of(given);
    selector.users = lists_of<std::string>(given, "user", "is not a user", any_text);
    selector.units = lists_of<std::string>(given, "unit", "is not a unit", any_text);
    selector.cgroups = lists_of<std::string>(
        given, "cgroup", "is not a path from the root of the cgroup tree", cgroup_path);
    selector.locals =
        lists_of<EndpointPattern>(given, "local", not_endpoint, parse_endpoint_pattern);
    selector.peers = lists_of<EndpointPattern>(given, "peer", not_endpoint, parse_endpoint_pattern);
    selector.ports = lists_of<PortRange>(given, "port", not_port, parse_port_range);
    selector.peer_ports = lists_of<PortRange>(given, "peer-port", not_port, parse_port_range);
    selector.inodes = lists_of<std::uint64_t>(
        given, "inode", "is not an inode number",
        number_between<std::uint64_t>(1, std::numeric_limits<std::uint64_t>::max()));
    if (given.contains("owned")) selector.owned = true;
    if (given.contains("unowned")) selector.owned = false;
    selector.networks = networks_of(given);
    return selector;
}

Output output_of(const Given& given) {
    Output output;
    if (const auto format = choice_of(given, "output", format_words)) {
        output.format = static_cast<Format>(*format);
    }
    if (given.contains("json")) {
        if (given.contains("output") && output.format != Format::json) {
            throw UsageError("--json contradicts --output", "leave one of them out");
        }
        output.format = Format::json;
    }
    if (const auto color = choice_of(given, "color", color_words)) {
        output.color = static_cast<Color>(*color);
    }
    output.header = !given.contains("no-header");
    output.quiet = given.contains("quiet");
    output.verbose = given.contains("verbose");
    if (output.quiet && output.verbose) {
        throw UsageError("--quiet contradicts --verbose", "leave one of them out");
    }
    return output;
}

std::optional<Grouping> grouping_of(const Given& given) {
    const auto grouping = choice_of(given, "by", grouping_words);
    if (!grouping) return std::nullopt;
    return static_cast<Grouping>(*grouping);
}

std::vector<Action> actions_of(const Given& given) {
    std::vector<Action> actions;
    const auto& values = values_of(given, "actions");
    if (values.empty() || values.front() == "auto") return actions;
    for (const std::string_view text : split(values.front())) {
        if (text == "auto") reject("actions", text, "stands alone: it decides for each socket");
        const auto action = action_of_word(text);
        if (!action) reject_word("actions", text, "an action", action_words());
        actions.push_back(*action);
    }
    return actions;
}

std::vector<Verdict> included_of(const Given& given) {
    std::vector<Verdict> included;
    for (const std::string& list : values_of(given, "include")) {
        for (const std::string_view text : split(list)) {
            const auto verdict = includable_of_word(text);
            if (!verdict) {
                reject_word("include", text, "a reason that can be overridden", includable_words());
            }
            included.push_back(*verdict);
        }
    }
    return included;
}

std::optional<Freeze> freeze_of(const Given& given) {
    const auto& values = values_of(given, "freeze");
    if (values.empty()) return std::nullopt;
    const auto freeze = freeze_of_word(values.front());
    if (!freeze) reject_word("freeze", values.front(), "one of its words", freeze_words());
    return freeze;
}

std::optional<std::chrono::microseconds> duration_of(const Given& given, std::string_view option) {
    const auto& values = values_of(given, option);
    if (values.empty()) return std::nullopt;
    const auto duration = parse_duration(values.front());
    if (!duration) {
        reject(option, values.front(),
               "is not a duration such as 500ms, 90s or 1h30m, of at most 10 years");
    }
    return duration;
}

std::optional<Threshold> threshold_of(const Given& given, std::string_view option) {
    const auto& values = values_of(given, option);
    if (values.empty()) return std::nullopt;
    auto threshold = parse_threshold(values.front());
    if (!threshold) {
        reject(option, values.front(), "is not a range such as 10, 10:, ~:10, 10:20 or @10:20");
    }
    return threshold;
}

Measure measure_of(const Given& given) {
    return static_cast<Measure>(choice_of(given, "measure", measure_words).value_or(0));
}

std::optional<std::size_t> count_of(const Given& given, std::string_view option) {
    const auto& values = values_of(given, option);
    if (values.empty()) return std::nullopt;
    const auto count =
        number_between<std::size_t>(1, std::numeric_limits<std::uint32_t>::max())(values.front());
    if (!count) reject(option, values.front(), "is not a number of at least 1");
    return count;
}

}  // namespace unwait::cli
