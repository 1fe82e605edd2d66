// SPDX-License-Identifier: MIT
#pragma once

#include <utility>
#include <vector>

#include "json_tree.hpp"
#include "text.hpp"
#include "unwait/plan.hpp"
#include "usage_error.hpp"
#include "vocabulary.hpp"

/// What plans and policies read alike. All throw JsonError.
namespace unwait::cli {

/// What `parse` makes of the text.
template <typename Parse>
auto parsed(const JsonValue& value, Parse parse, const char* kind) {
    auto result = parse(value.text());
    if (!result) value.reject(quoted(printable(value.text())) + " is not " + kind);
    return *std::move(result);
}

[[nodiscard]] inline std::vector<Action> actions_from(const JsonValue& value) {
    std::vector<Action> actions;
    for (const JsonValue& each : value.items()) {
        actions.push_back(parsed(each, action_of_word, "an action"));
    }
    return actions;
}

}  // namespace unwait::cli
