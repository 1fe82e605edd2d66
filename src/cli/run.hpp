// SPDX-License-Identifier: MIT
#pragma once

#include <span>

namespace unwait::cli {

/// The whole command: parses `arguments` (argv), runs it, writes results to stdout and talk to
/// stderr. Returns the exit status of the contract; never throws.
[[nodiscard]] int run(std::span<char* const> arguments);

}  // namespace unwait::cli
