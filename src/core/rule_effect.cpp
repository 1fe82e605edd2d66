// SPDX-License-Identifier: MIT
#include "rule_effect.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "contains.hpp"
#include "vocabulary.hpp"

namespace unwait {

Remedy restricted(Remedy remedy, const Ruling& ruling, bool is_automatic) {
    if (ruling.rule == nullptr || !ruling.rule->actions) {
        return remedy;
    }
    const std::vector<Action>& allowed = *ruling.rule->actions;
    std::vector<Action> kept;
    std::string taken;
    for (const Action action : remedy.actions) {
        if (contains(allowed, action)) {
            kept.push_back(action);
            continue;
        }
        const bool instead =
            is_automatic && action == Action::close && contains(allowed, Action::replace);
        if (instead) {
            kept.push_back(Action::replace);
        }
        taken += (taken.empty() ? "" : ", ") + std::string{word(action)} +
                 (instead ? " (replace instead)" : "");
    }
    remedy.actions = std::move(kept);
    if (!taken.empty()) {
        remedy.reason += "; " + ruling.by + " of the policy does not allow " + taken;
    }
    return remedy;
}

std::optional<Terms> terms_under(const Ruling& ruling, const Policy& policy) {
    if (ruling.rule == nullptr) {
        return std::nullopt;
    }
    const Rule& rule = *ruling.rule;
    const Terms own{policy.settle, policy.grace, policy.freeze, policy.max_freeze};
    Terms terms = own;
    terms.settle = std::max(own.settle, rule.settle.value_or(own.settle));
    terms.grace = std::max(own.grace, rule.grace.value_or(own.grace));
    if (rule.freeze == Freeze::all) {
        terms.freeze = Freeze::all;
    }
    terms.max_freeze = std::min(own.max_freeze, rule.max_freeze.value_or(own.max_freeze));
    return terms == own ? std::nullopt : std::optional{terms};
}

}  // namespace unwait
