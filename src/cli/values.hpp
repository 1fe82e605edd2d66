// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "command.hpp"
#include "options.hpp"
#include "unwait/plan.hpp"
#include "unwait/selector.hpp"

/// The options that were given, as values. Whatever cannot be one throws a UsageError that names
/// the option, the text and what would be right.
namespace unwait::cli {

[[nodiscard]] Selector selector_of(const Given& given);
[[nodiscard]] Output output_of(const Given& given);
[[nodiscard]] std::optional<Grouping> grouping_of(const Given& given);
[[nodiscard]] std::vector<Action> actions_of(const Given& given);
[[nodiscard]] std::vector<Verdict> included_of(const Given& given);
[[nodiscard]] std::optional<Freeze> freeze_of(const Given& given);
[[nodiscard]] std::optional<std::chrono::microseconds> duration_of(const Given& given,
                                                                   std::string_view option);
[[nodiscard]] std::optional<Threshold> threshold_of(const Given& given, std::string_view option);
[[nodiscard]] Measure measure_of(const Given& given);
[[nodiscard]] std::optional<std::size_t> count_of(const Given& given, std::string_view option);

}  // namespace unwait::cli
