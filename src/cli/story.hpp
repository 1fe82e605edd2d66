// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "unwait/finding.hpp"
#include "views.hpp"

namespace unwait::cli {

/// Findings with their explanations, one paragraph each; safe for a terminal.
[[nodiscard]] std::string stories_view(std::span<const Finding> findings, const Look& look);

}  // namespace unwait::cli
