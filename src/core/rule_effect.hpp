// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "remedy.hpp"
#include "unwait/rulebook.hpp"

/// What the rule that decides about a socket makes of what would be done without it.
namespace unwait {

/// Takes away what the rule does not allow. Where `auto` would close, and may not, a replace that
/// is allowed will do: it is the more careful of the two.
[[nodiscard]] Remedy restricted(Remedy remedy, const Ruling& ruling, bool is_automatic);

/// How a step is carried out: more patiently, or more carefully, than the policy's options say.
/// Absent where the rule changes nothing about it.
[[nodiscard]] std::optional<Terms> terms_under(const Ruling& ruling, const Policy& policy);

}  // namespace unwait
