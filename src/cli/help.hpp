// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "option_table.hpp"

namespace unwait::cli {

/// The text of `unwait help`, or of `unwait help COMMAND`.
[[nodiscard]] std::string help_text(std::optional<Verb> topic);

}  // namespace unwait::cli
