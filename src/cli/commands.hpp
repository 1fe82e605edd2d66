// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"
#include "exit_status.hpp"

/// The commands, each from its values to its exit status. They throw Error and Refused.
namespace unwait::cli {

[[nodiscard]] ExitStatus list(const ListCommand& command);
[[nodiscard]] ExitStatus explain(const ExplainCommand& command);
[[nodiscard]] ExitStatus clear(const ClearCommand& command);
[[nodiscard]] ExitStatus apply(const ApplyCommand& command);
[[nodiscard]] PluginStatus check(const CheckCommand& command);
[[nodiscard]] ExitStatus doctor(const DoctorCommand& command);
[[nodiscard]] ExitStatus check_policy(const PolicyCheckCommand& command);
[[nodiscard]] ExitStatus explain_policy(const PolicyExplainCommand& command);

}  // namespace unwait::cli
