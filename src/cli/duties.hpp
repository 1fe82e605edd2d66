// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "command.hpp"
#include "privileges.hpp"

namespace unwait::cli {

/// All that a command may have to do that takes a privilege.
[[nodiscard]] std::vector<Duty> duties_of(const Command& command);

}  // namespace unwait::cli
