// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "unwait/outcome.hpp"

/// The one list of words for states, actions, verdicts, causes and results. Tables, JSON,
/// selectors, help, manual and completion all draw from it. States are in ss(8)'s spelling.
namespace unwait {

[[nodiscard]] std::string_view word(TcpState state);
[[nodiscard]] std::string_view word(Family family);
[[nodiscard]] std::string_view word(Action action);
[[nodiscard]] std::string_view word(Freeze freeze);
[[nodiscard]] std::string_view word(Cause cause);
[[nodiscard]] std::string_view word(Verdict verdict);
[[nodiscard]] std::string_view word(Result result);
[[nodiscard]] std::string_view word(Runtime runtime);

/// What a state word selects: a single state, or one of ss's groups (all, connected, synchronized,
/// bucket, big). Absent when the word is unknown.
[[nodiscard]] std::optional<StateMask> states_of_word(std::string_view text);
[[nodiscard]] std::optional<Action> action_of_word(std::string_view text);
[[nodiscard]] std::optional<Freeze> freeze_of_word(std::string_view text);
/// Only verdicts that --include may override.
[[nodiscard]] std::optional<Verdict> includable_of_word(std::string_view text);

[[nodiscard]] std::vector<std::string_view> state_words();
[[nodiscard]] std::vector<std::string_view> action_words();
[[nodiscard]] std::vector<std::string_view> freeze_words();
[[nodiscard]] std::vector<std::string_view> includable_words();

}  // namespace unwait
