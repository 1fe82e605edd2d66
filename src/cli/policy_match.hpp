// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include "json_tree.hpp"
#include "unwait/rulebook.hpp"

namespace unwait::cli {

/// What a rule matches on, from the value of its `match`. Throws JsonError.
void read_match(const JsonValue& match, Rule& rule);

/// A text that --process would take. Throws JsonError.
[[nodiscard]] Pattern pattern_from(const JsonValue& value);

/// A text that options would take as a duration. Throws JsonError.
[[nodiscard]] std::chrono::microseconds exact_duration_from(const JsonValue& value);
/// The same, rounded up: what is not zero must not become zero.
[[nodiscard]] std::chrono::milliseconds duration_from(const JsonValue& value);

}  // namespace unwait::cli
