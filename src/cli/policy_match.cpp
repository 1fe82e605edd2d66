// SPDX-License-Identifier: MIT
#include "policy_match.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "filter_names.hpp"
#include "filter_text.hpp"
#include "json_values.hpp"
#include "option_table.hpp"
#include "options.hpp"
#include "text.hpp"
#include "usage_error.hpp"
#include "values.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

constexpr std::string_view causes_member = "cause";
constexpr std::string_view idle_member = "min-idle";

/// Each selector may be matched on; `list` has them all.
bool is_matchable(const OptionSpec& option) {
    return option.section == Section::selectors && option.belongs_to(Verb::list);
}

/// One, or several in a list.
std::vector<JsonValue> words_of(const JsonValue& value) {
    if (!value.is_array()) return {value};
    auto items = value.items();
    if (items.empty()) value.reject("is empty, and so can never match");
    return items;
}

/// What an option would be given as: a word, or several that are each enough.
std::string option_text(const JsonValue& value, const OptionSpec& option) {
    const std::vector<JsonValue> items = words_of(value);
    std::string text;
    const bool is_regex = option.name == "process";
    for (const JsonValue& item : items) {
        if (!text.empty()) text += is_regex ? "|" : ",";
        std::string word =
            item.is_text()
                ? item.text()
                : std::to_string(item.number(0, std::numeric_limits<std::uint64_t>::max()));
        // What is in a list is one word each.
        if (!is_regex && value.is_array() && word.find(',') != std::string::npos) {
            item.reject("has a comma in it");
        }
        if (word.empty()) item.reject("is empty");
        text += is_regex && items.size() > 1 ? "(?:" + word + ")" : word;
    }
    return text;
}

/// A selector as its options would make it, in any state unless they say which.
Selector selector_from(Given given, const JsonValue& place) {
    if (!given.contains("state")) given["state"] = {"all"};
    try {
        return selector_of(given);
    } catch (const UsageError& error) {
        std::string_view what = error.what();
        what.remove_prefix(std::min(what.find(": ") + 2, what.size()));
        place.reject(printable(what));
    }
}

/// What is wrong in it has a place of its own.
void require_filter(const JsonValue& value) {
    const auto parsed = parse_filter(value.text(), read_services());
    if (const auto* const error = std::get_if<FilterError>(&parsed)) {
        value.reject_from(error->at, printable(error->what));
    }
}

/// A policy outlives processes, and the numbers that the kernel gives to namespaces.
void require_lasting(const std::string& network, const JsonValue& value) {
    if (network == "all") value.reject("'all' are all of them: leave it out");
    if (parse_number(network)) {
        value.reject(quoted(network) +
                     " is a pid, and another process's one day: name the namespace, or give a "
                     "path such as /proc/1/ns/net");
    }
    const bool is_name = network.find_first_of("/[") == std::string::npos;
    if (!is_name && !network.starts_with('/')) {
        value.reject(quoted(printable(network)) +
                     " is not self, the name of a namespace, or a path that begins with /");
    }
}

const OptionSpec* option_named(std::string_view name) {
    for (const OptionSpec& option : option_table()) {
        if (option.name == name && is_matchable(option)) return &option;
    }
    return nullptr;
}

std::vector<Cause> causes(const JsonValue& value) {
    std::vector<Cause> causes;
    for (const JsonValue& item : words_of(value)) {
        causes.push_back(parsed(item, cause_of_word, "a cause"));
    }
    return causes;
}

Selector part_from(std::string_view name, const JsonValue& value, Given& all) {
    const OptionSpec& option = *option_named(name);
    std::vector<std::string> texts;
    if (name == "filter") require_filter(value);
    if (!option.value.empty()) {
        texts.push_back(option_text(value, option));
    } else if (!value.flag()) {
        value.reject("can only be true: leave it out, or say the opposite");
    }
    Selector part = selector_from({{std::string(name), texts}}, value);
    for (const std::string& network : part.networks) require_lasting(network, value);
    all[std::string(name)] = std::move(texts);
    return part;
}

}  // namespace

std::chrono::microseconds exact_duration_from(const JsonValue& value) {
    return parsed(value, parse_duration,
                  "a duration such as \"90s\" or \"1h30m\", of at most 10 years");
}

std::chrono::milliseconds duration_from(const JsonValue& value) {
    return std::chrono::ceil<std::chrono::milliseconds>(exact_duration_from(value));
}

Pattern pattern_from(const JsonValue& value) {
    return selector_from({{"process", {value.text()}}}, value).processes.front();
}

void read_match(const JsonValue& match, Rule& rule) {
    std::vector<std::string_view> known{causes_member};
    for (const OptionSpec& option : option_table()) {
        if (is_matchable(option)) known.push_back(option.name);
    }
    match.allow_only(known);
    Given all;
    std::chrono::milliseconds min_idle{0};
    for (const std::string_view name : match.names()) {
        const JsonValue value = match.at(name);
        if (name == causes_member) {
            rule.causes = causes(value);
        } else if (name == idle_member) {
            min_idle = duration_from(value);
            rule.parts.emplace_back(name, selector_from({}, value)).second.min_idle = min_idle;
        } else {
            rule.parts.emplace_back(name, part_from(name, value, all));
        }
    }
    if (all.contains("fd") && !all.contains("pid")) {
        match.at("fd").reject("needs a pid: every process numbers its own");
    }
    if (all.contains("owned") && all.contains("unowned")) {
        match.at("unowned").reject("contradicts owned");
    }
    // What is right by itself can only be wrong together with the states of the filter.
    const JsonValue place = match.has("filter") ? match.at("filter") : match;
    rule.match = selector_from(std::move(all), place);
    rule.match.min_idle = min_idle;
}

}  // namespace unwait::cli
