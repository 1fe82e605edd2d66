// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "unwait/rulebook.hpp"

namespace unwait {

/// What a policy asks about, as far as it does. Throws Error, and Refused when what it is told
/// could have been written by others.
[[nodiscard]] PolicyFacts gather_facts(const Rulebook& book, std::span<const Finding> findings);

}  // namespace unwait
