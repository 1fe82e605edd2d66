// SPDX-License-Identifier: MIT
#pragma once

#include "json_text.hpp"
#include "unwait/explanation.hpp"

namespace unwait::cli {

/// `explanation` of a finding, as unwait.schema.json has it.
[[nodiscard]] JsonText explanation_json(const Explanation& explanation);

}  // namespace unwait::cli
