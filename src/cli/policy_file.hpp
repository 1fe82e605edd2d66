// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "unwait/rulebook.hpp"

namespace unwait::cli {

/// Read where --policy names none, if it exists.
inline constexpr const char* default_policy = "/etc/unwait/policy.json";

/// A policy as policy.schema.json describes it: JSON with comments. Throws JsonError.
[[nodiscard]] Rulebook read_policy(std::string text);

/// The same from a file that nobody else could have written. Throws Refused, naming the file, and
/// Error when it cannot be read.
[[nodiscard]] Rulebook load_policy(const std::string& path);

/// The policy that is named, or else the site's, or else one that allows everything.
[[nodiscard]] Rulebook policy_in_force(const std::optional<std::string>& path);

}  // namespace unwait::cli
