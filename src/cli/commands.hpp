// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"
#include "exit_status.hpp"

/// The commands, each from its values to its exit status. They throw Error and Refused.
namespace unwait::cli {

[[nodiscard]] ExitStatus list(const ListCommand& command);
[[nodiscard]] ExitStatus clear(const ClearCommand& command);
[[nodiscard]] ExitStatus apply(const ApplyCommand& command);

}  // namespace unwait::cli
