// SPDX-License-Identifier: MIT
#include "unwait/rulebook.hpp"

#include <algorithm>
#include <regex>
#include <utility>

#include "rule_match.hpp"
#include "select.hpp"
#include "sentence.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

constexpr unsigned minutes_of_day = 24 * 60;

std::string name_of(const Rulebook& book, const Rule& rule) {
    const auto number = 1 + (&rule - book.rules.data());
    std::string name = "rule " + std::to_string(number);
    return rule.name.empty() ? name : name + " '" + printable(rule.name) + "'";
}

std::optional<std::string> protection(const Rulebook& book, const Finding& finding) {
    for (const Holder& holder : finding.holders) {
        const Process& process = *holder.process;
        const bool by_name =
            std::ranges::any_of(book.protected_processes, [&](const Pattern& pattern) {
                return std::regex_search(process.command, pattern.regex);
            });
        if (by_name) {
            return named(process) + " is protected by its name";
        }
        const bool by_unit = std::ranges::any_of(
            book.protected_units,
            [&](const std::string& unit) { return is_unit(unit, process.unit); });
        if (by_unit) {
            return named(process) + " is protected by its unit, " + printable(process.unit);
        }
    }
    return std::nullopt;
}

std::optional<std::string> heat(const Rulebook& book, const Finding& finding,
                                const PolicyFacts& facts) {
    if (!book.cool_down) {
        return std::nullopt;
    }
    for (const Holder& holder : finding.holders) {
        const auto last = facts.since_last_run.find(holder.process->id);
        if (last != facts.since_last_run.end() && last->second < *book.cool_down) {
            return named(*holder.process) + " was operated on " + format_duration(last->second) +
                   " ago, and has " + format_duration(*book.cool_down) + " to cool down";
        }
    }
    return std::nullopt;
}

std::optional<std::string> denial_by(const Rule& rule, const Finding& finding,
                                     const PolicyFacts& facts) {
    if (const std::string doubt = doubt_about(rule, finding, facts); !doubt.empty()) {
        return "whether it matches depends on something that is not known: " + doubt;
    }
    if (rule.deny) {
        return printable(*rule.deny);
    }
    if (!rule.min_idle) {
        return std::nullopt;
    }
    const auto idle = idle_ms(finding.socket);
    if (idle && *idle >= static_cast<std::uint64_t>(rule.min_idle->count())) {
        return std::nullopt;
    }
    return "it wants " + format_duration(*rule.min_idle) + " without anything from the peer, and " +
           (idle ? "it has been " +
                       format_duration(std::chrono::milliseconds{static_cast<std::int64_t>(*idle)})
                 : "the kernel does not say how long it has been");
}

bool is_within(const Window& window, unsigned minute_of_week) {
    const unsigned day = minute_of_week / minutes_of_day % 7;
    const unsigned minute = minute_of_week % minutes_of_day;
    if (window.from <= window.to) {
        return window.days[day] && minute >= window.from && minute < window.to;
    }
    const bool began_yesterday = window.days[(day + 6) % 7];
    return (window.days[day] && minute >= window.from) || (began_yesterday && minute < window.to);
}

bool is_open(const Rulebook& book, unsigned minute_of_week) {
    return book.windows.empty() || std::ranges::any_of(book.windows, [&](const Window& window) {
               return is_within(window, minute_of_week);
           });
}

/// What holds whatever the rules say.
std::optional<Ruling> ruling_before_rules(const Rulebook& book, const Finding& finding,
                                          const PolicyFacts& facts) {
    if (!is_open(book, facts.minute_of_week)) {
        return Ruling{nullptr, "the windows", "this is outside of the maintenance windows"};
    }
    if (auto why = protection(book, finding)) {
        return Ruling{nullptr, "the protection", std::move(why)};
    }
    if (auto why = heat(book, finding, facts)) {
        return Ruling{nullptr, "the cool-down", std::move(why)};
    }
    return std::nullopt;
}

/// "rule 2 'web' allows shutdown and replace".
std::string decision(const Ruling& ruling) {
    if (ruling.denial) {
        return ruling.by + " denies it: " + *ruling.denial;
    }
    if (ruling.rule == nullptr || !ruling.rule->actions) {
        return ruling.by + " allows what the options say";
    }
    std::vector<std::string> words;
    for (const Action action : *ruling.rule->actions) {
        words.emplace_back(word(action));
    }
    return ruling.by + " allows " + enumerated(words);
}

void limit(std::vector<std::string>& excesses, std::size_t count, std::optional<std::size_t> most,
           const std::string& what, std::string_view name) {
    if (most && count > *most) {
        excesses.push_back(std::to_string(count) + " " + what + ", more than the policy's " +
                           std::string{name} + " of " + std::to_string(*most));
    }
}

}  // namespace

Ruling rule_on(const Rulebook& book, const Finding& finding, const PolicyFacts& facts) {
    if (auto ruling = ruling_before_rules(book, finding, facts)) {
        return *std::move(ruling);
    }
    const auto rule = std::ranges::find_if(
        book.rules, [&](const Rule& candidate) { return is_match(candidate, finding, facts); });
    if (rule != book.rules.end()) {
        return {&*rule, name_of(book, *rule), denial_by(*rule, finding, facts)};
    }
    if (book.denies_by_default) {
        return {nullptr, "the default", "no rule matches"};
    }
    return {nullptr, "the default", std::nullopt};
}

std::vector<std::string> reasoning_on(const Rulebook& book, const Finding& finding,
                                      const PolicyFacts& facts) {
    std::vector<std::string> steps;
    const Ruling ruling = rule_on(book, finding, facts);
    if (!ruling_before_rules(book, finding, facts)) {
        for (const Rule& rule : book.rules) {
            if (&rule == ruling.rule) {
                break;
            }
            steps.push_back(name_of(book, rule) + ": " + mismatch(rule, finding, facts));
        }
    }
    steps.push_back(decision(ruling));
    return steps;
}

std::vector<std::string> excesses_of(const Rulebook& book, std::span<const Step> steps,
                                     const PolicyFacts& facts) {
    std::map<ProcessId, std::pair<const Process*, std::size_t>> counts;
    for (const Step& step : steps) {
        for (const Holder& holder : step.holders) {
            auto& [process, count] = counts[holder.process->id];
            process = holder.process.get();
            ++count;
        }
    }
    std::vector<std::string> excesses;
    limit(excesses, steps.size(), book.max_sockets, "sockets", "max_sockets");
    limit(excesses, counts.size(), book.max_processes, "processes", "max_processes");
    for (const auto& [id, of] : counts) {
        const auto& [process, count] = of;
        limit(excesses, count, book.max_sockets_per_process, "sockets of " + named(*process),
              "max_sockets_per_process");
        const auto all = facts.sockets.find(id);
        if (!book.max_fraction) {
            continue;
        }
        if (all == facts.sockets.end()) {
            excesses.push_back("sockets of " + named(*process) +
                               ", of which nobody knows the share (the policy's max_fraction)");
            continue;
        }
        const auto most = *book.max_fraction * static_cast<double>(all->second);
        if (static_cast<double>(count) > most) {
            excesses.push_back(std::to_string(count) + " of the " + std::to_string(all->second) +
                               " sockets of " + named(*process) +
                               ", a larger share than the policy's max_fraction");
        }
    }
    return excesses;
}

}  // namespace unwait
