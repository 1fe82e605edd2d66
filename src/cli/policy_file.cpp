// SPDX-License-Identifier: MIT
#include "policy_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <string_view>

#include "json_values.hpp"
#include "policy_match.hpp"
#include "text.hpp"
#include "trusted_file.hpp"
#include "unwait/error.hpp"
#include "usage_error.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

namespace {

constexpr std::size_t largest_policy = 1U << 20;
constexpr std::uint64_t policy_version = 1;
constexpr std::uint64_t largest_limit = std::numeric_limits<std::uint32_t>::max();
constexpr auto day_words =
    std::to_array<std::string_view>({"mon", "tue", "wed", "thu", "fri", "sat", "sun"});

constexpr auto how_members = std::to_array<std::string_view>(
    {"actions", "min_idle", "settle", "grace", "freeze", "max_freeze"});

/// What may be done by a rule that does not deny, and how.
void read_how(const JsonValue& value, Rule& rule) {
    if (value.has("actions")) {
        rule.actions = actions_from(value.at("actions"));
        if (rule.actions->empty()) {
            value.at("actions").reject("is empty: use deny, with a reason");
        }
    }
    if (value.has("min_idle")) rule.min_idle = duration_from(value.at("min_idle"));
    if (value.has("settle")) rule.settle = duration_from(value.at("settle"));
    if (value.has("grace")) rule.grace = duration_from(value.at("grace"));
    if (value.has("freeze")) {
        rule.freeze = parsed(value.at("freeze"), freeze_of_word, "all or one");
    }
    if (value.has("max_freeze")) {
        rule.max_freeze = exact_duration_from(value.at("max_freeze"));
        if (rule.max_freeze->count() == 0) {
            value.at("max_freeze").reject("is no time at all, in which nothing can be done");
        }
    }
}

Rule rule(const JsonValue& value) {
    std::vector<std::string_view> known{"name", "match", "deny"};
    known.insert(known.end(), how_members.begin(), how_members.end());
    value.allow_only(known);
    Rule rule;
    if (value.has("name")) rule.name = value.at("name").text();
    read_match(value.at("match"), rule);
    if (!value.has("deny")) {
        read_how(value, rule);
        return rule;
    }
    rule.deny = value.at("deny").text();
    if (rule.deny->empty()) value.at("deny").reject("gives no reason");
    for (const std::string_view how : how_members) {
        if (value.has(how)) value.at(how).reject("is about what is done; the rule denies");
    }
    return rule;
}

void read_limits(const JsonValue& value, Rulebook& book) {
    value.allow_only(
        {"max_sockets", "max_processes", "max_sockets_per_process", "max_fraction", "cool_down"});
    const auto read = [&](const char* name, std::optional<std::size_t>& limit) {
        if (value.has(name)) limit = value.at(name).number(1, largest_limit);
    };
    read("max_sockets", book.max_sockets);
    read("max_processes", book.max_processes);
    read("max_sockets_per_process", book.max_sockets_per_process);
    if (value.has("max_fraction")) book.max_fraction = value.at("max_fraction").fraction(0, 1);
    if (value.has("cool_down")) book.cool_down = duration_from(value.at("cool_down"));
}

void read_protection(const JsonValue& value, Rulebook& book) {
    value.allow_only({"processes", "units"});
    if (value.has("processes")) {
        for (const JsonValue& each : value.at("processes").items()) {
            book.protected_processes.push_back(pattern_from(each));
        }
    }
    if (!value.has("units")) return;
    for (const JsonValue& each : value.at("units").items()) {
        if (each.text().empty()) each.reject("is empty");
        book.protected_units.push_back(each.text());
    }
}

/// "HH:MM", to 24:00.
unsigned minute(const JsonValue& value) {
    const std::string& text = value.text();
    const bool fits = text.size() == 5 && text[2] == ':';
    const auto hours = parse_number(std::string_view(text).substr(0, fits ? 2 : 0));
    const auto minutes = parse_number(std::string_view(text).substr(fits ? 3 : text.size()));
    if (!hours || !minutes || *minutes > 59 || *hours * 60 + *minutes > 24U * 60) {
        value.reject(quoted(printable(text)) + " is not a time from \"00:00\" to \"24:00\"");
    }
    return static_cast<unsigned>(*hours * 60 + *minutes);
}

Window window(const JsonValue& value) {
    value.allow_only({"days", "from", "to"});
    Window window;
    window.from = minute(value.at("from"));
    window.to = minute(value.at("to"));
    if (window.from == window.to) value.at("to").reject("is the same time as from");
    window.days.fill(!value.has("days"));
    if (!value.has("days")) return window;
    for (const JsonValue& each : value.at("days").items()) {
        const auto* const day = std::ranges::find(day_words, each.text());
        if (day == day_words.end()) {
            each.reject(quoted(printable(each.text())) +
                        " is not one of mon, tue, wed, thu, fri, sat, sun");
        }
        window.days.at(static_cast<std::size_t>(day - day_words.begin())) = true;
    }
    return window;
}

}  // namespace

Rulebook read_policy(std::string text) {
    const JsonDocument document(std::move(text), Comments::ignored);
    const JsonValue root = document.root();
    if (!root.is_object()) root.reject("a policy is an object");
    root.allow_only(
        {"$schema", "policy_version", "rules", "default", "limits", "protect", "windows"});
    if (root.at("policy_version").number(0, largest_limit) != policy_version) {
        root.at("policy_version")
            .reject("is not " + std::to_string(policy_version) +
                    ", the one that this version reads");
    }
    Rulebook book;
    if (root.has("rules")) {
        for (const JsonValue& each : root.at("rules").items()) book.rules.push_back(rule(each));
    }
    if (root.has("default")) {
        const std::string& word = root.at("default").text();
        book.denies_by_default = word == "deny";
        if (word != "deny" && word != "allow") root.at("default").reject("is not allow or deny");
    }
    if (root.has("limits")) read_limits(root.at("limits"), book);
    if (root.has("protect")) read_protection(root.at("protect"), book);
    if (root.has("windows")) {
        for (const JsonValue& each : root.at("windows").items()) {
            book.windows.push_back(window(each));
        }
    }
    return book;
}

Rulebook load_policy(const std::string& path) {
    try {
        Rulebook book = read_policy(read_trusted_file(path, largest_policy));
        book.path = path;
        return book;
    } catch (const JsonError& error) {
        throw Refused(path + ":" + error.what());
    }
}

Rulebook policy_in_force(const std::optional<std::string>& path) {
    if (path) return load_policy(*path);
    // What is there and cannot be read must not count as no policy.
    return ::access(default_policy, F_OK) == 0 || errno != ENOENT ? load_policy(default_policy)
                                                                  : Rulebook{};
}

}  // namespace unwait::cli
