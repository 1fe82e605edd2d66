// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "unwait/plan.hpp"

namespace unwait {

/// What each action of the step will do, in the operator's terms: one sentence for each, in their
/// order. Made when they are to be read, since they are the largest part of a large plan.
[[nodiscard]] std::vector<std::string> effects_of(const Step& step, const Policy& policy);

}  // namespace unwait
