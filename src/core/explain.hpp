// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "unwait/explanation.hpp"
#include "unwait/finding.hpp"
#include "unwait/plan.hpp"

namespace unwait {

/// The parts of an explanation that follow from the finding alone: actions, plan and advice.
[[nodiscard]] Explanation explain(const Finding& finding, const Policy& policy, const Self& self);

/// What to mend in the application, one line for each cause.
[[nodiscard]] std::string_view advice_for(Cause cause);

/// Fd use of each holder; `held` are all sockets in the states that are asked about.
[[nodiscard]] std::vector<FdShare> shares_of(const Finding& finding,
                                             const std::vector<HeldSocket>& held);

/// Fills in the sentence of an observation.
void conclude(Observation& observation, const Finding& finding);

}  // namespace unwait
