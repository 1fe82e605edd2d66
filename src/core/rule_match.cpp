// SPDX-License-Identifier: MIT
#include "rule_match.hpp"

#include <algorithm>
#include <span>
#include <string_view>

#include "filter.hpp"
#include "select.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

bool is_cause(const Rule& rule, Cause cause) {
    return rule.causes.empty() || std::ranges::find(rule.causes, cause) != rule.causes.end();
}

bool is_in_network(const Selector& selector, const Socket& socket, const PolicyFacts& facts) {
    return selector.networks.empty() ||
           std::ranges::any_of(selector.networks, [&](const std::string& word) {
               const auto found = facts.networks.find(word);
               return found != facts.networks.end() && found->second == socket.id.netns;
           });
}

/// The socket with what only a policy's filters ask for.
Socket completed(Socket socket, const PolicyFacts& facts) {
    const auto autobound = facts.autobound.find(socket.id.cookie);
    if (autobound != facts.autobound.end()) {
        socket.autobound = autobound->second;
    }
    return socket;
}

std::string doubt_about(const Selector& selector, const Socket& socket, const PolicyFacts& facts) {
    if (selector.filters.empty()) {
        return "";
    }
    const Socket whole = completed(socket, facts);
    for (const Filter& filter : selector.filters) {
        if (!filter.condition) {
            continue;
        }
        if (const auto unknown = unknown_of(*filter.condition, whole); !unknown.empty()) {
            return std::string{unknown};
        }
        if (!facts.names.contains(socket.id.netns) && !names_in({&filter, 1}).empty()) {
            return "what names stand for in its network namespace, which has gone";
        }
    }
    return "";
}

bool meets_filters(const Selector& selector, const Socket& socket, const PolicyFacts& facts) {
    if (selector.filters.empty()) {
        return true;
    }
    const Socket whole = completed(socket, facts);
    const auto found = facts.names.find(socket.id.netns);
    const FilterNames none;
    const FilterNames& names = found == facts.names.end() ? none : found->second;
    return std::ranges::all_of(selector.filters, [&](const Filter& filter) {
        return !filter.condition || meets(looked_up(*filter.condition, names), whole);
    });
}

/// A filter of which nobody knows whether it matches counts as one that does: the rule is to decide
/// what is done then, and not one behind it.
bool fits(const Selector& selector, const Finding& finding, const PolicyFacts& facts) {
    const Socket& socket = finding.socket;
    return matches(selector, socket, finding.holders) && is_in_network(selector, socket, facts) &&
           (!doubt_about(selector, socket, facts).empty() ||
            meets_filters(selector, socket, facts));
}

}  // namespace

bool is_match(const Rule& rule, const Finding& finding, const PolicyFacts& facts) {
    return is_cause(rule, finding.cause) && fits(rule.match, finding, facts);
}

std::string doubt_about(const Rule& rule, const Finding& finding, const PolicyFacts& facts) {
    return doubt_about(rule.match, finding.socket, facts);
}

std::string mismatch(const Rule& rule, const Finding& finding, const PolicyFacts& facts) {
    if (!is_cause(rule, finding.cause)) {
        return "its cause is " + std::string{word(finding.cause)};
    }
    for (const auto& [name, selector] : rule.parts) {
        if (!fits(selector, finding, facts)) {
            return name + " does not match";
        }
    }
    return "no one holder matches in all that is said of it";
}

}  // namespace unwait
