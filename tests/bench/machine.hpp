// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace unwait::bench {

/// Processor, number of processors, memory, kernel and build, on one line.
[[nodiscard]] std::string describe_machine();

}  // namespace unwait::bench
