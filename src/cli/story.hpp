// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "unwait/finding.hpp"
#include "views.hpp"

namespace unwait::cli {

/// Findings with their explanations, one paragraph each; safe for a terminal.
void stories_view(std::span<const Finding> findings, const Look& look, const Sink& sink);

}  // namespace unwait::cli
