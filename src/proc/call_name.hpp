// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace unwait::proc {

/// The name of a system call of our own architecture in which threads wait, "call 512" for others.
[[nodiscard]] std::string call_name(long number);

}  // namespace unwait::proc
