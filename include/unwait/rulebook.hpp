// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "unwait/filter.hpp"
#include "unwait/finding.hpp"
#include "unwait/plan.hpp"
#include "unwait/selector.hpp"

/// A site's policy: what may be done at most, whatever the options say. It takes actions away and
/// never adds one.
namespace unwait {

/// One rule. The first that matches a socket decides.
struct Rule {
    /// One member of the match with what it alone selects.
    using Part = std::pair<std::string, Selector>;

    std::string name;
    Selector match;                              ///< all parts together
    std::vector<Part> parts;                     ///< to say which of them does not match
    std::vector<Cause> causes;                   ///< any of them; empty: every cause
    std::optional<std::string> deny;             ///< why it is denied
    std::optional<std::vector<Action>> actions;  ///< those that may be used
    std::optional<std::chrono::milliseconds> min_idle;
    std::optional<std::chrono::milliseconds> settle;
    std::optional<std::chrono::milliseconds> grace;
    std::optional<Freeze> freeze;
    std::optional<std::chrono::microseconds> max_freeze;
};

/// Days of the week, from Monday, and the minutes of the day between which something may be done;
/// an end before the beginning is on the day after.
struct Window {
    std::array<bool, 7> days{};
    unsigned from = 0;
    unsigned to = 24 * 60;
};

struct Rulebook {
    std::string path;
    std::vector<Rule> rules;
    bool denies_by_default = false;  ///< what no rule matches
    std::vector<Pattern> protected_processes;
    std::vector<std::string> protected_units;
    std::optional<std::size_t> max_sockets;
    std::optional<std::size_t> max_processes;
    std::optional<std::size_t> max_sockets_per_process;
    std::optional<double> max_fraction;                  ///< of all sockets that a process has
    std::optional<std::chrono::milliseconds> cool_down;  ///< between two runs on a process
    std::vector<Window> windows;                         ///< empty: at any time
};

/// What a policy asks about beside the findings.
struct PolicyFacts {
    unsigned minute_of_week = 0;               ///< local time, from Monday 00:00
    std::map<ProcessId, std::size_t> sockets;  ///< that a process has open, of all kinds
    std::map<ProcessId, std::chrono::milliseconds> since_last_run;
    std::map<std::string, std::uint64_t> networks;  ///< by the words of rules; absent: none is here
    std::map<std::uint64_t, FilterNames> names;     ///< of filters, by network namespace
    std::map<std::uint64_t, bool> autobound;        ///< by cookie, when a filter asks for it
};

/// What a policy says about one socket.
struct Ruling {
    const Rule* rule = nullptr;         ///< the one that decided; null: something else did
    std::string by;                     ///< "rule 2 'databases'", "the default", …
    std::optional<std::string> denial;  ///< why nothing may be done
};

[[nodiscard]] Ruling rule_on(const Rulebook& book, const Finding& finding,
                             const PolicyFacts& facts);

/// How the ruling came about, rule by rule: which part of each did not match, and what decided.
[[nodiscard]] std::vector<std::string> reasoning_on(const Rulebook& book, const Finding& finding,
                                                    const PolicyFacts& facts);

/// The limits of the policy that a plan with these steps exceeds: "12 sockets of …, more than …".
[[nodiscard]] std::vector<std::string> excesses_of(const Rulebook& book,
                                                   std::span<const Step> steps,
                                                   const PolicyFacts& facts);

}  // namespace unwait
