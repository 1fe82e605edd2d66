// SPDX-License-Identifier: MIT
#pragma once

#include "json_text.hpp"
#include "unwait/explanation.hpp"

namespace unwait::cli {

/// `explanation` of a finding, as unwait.schema.json has it.
void write_json(JsonText& text, const Explanation& explanation);

}  // namespace unwait::cli
