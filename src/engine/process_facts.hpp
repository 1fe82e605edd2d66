// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include "checkup.hpp"

namespace unwait {

/// What stands for or against touching the process: read, and rehearsed. Throws Error.
[[nodiscard]] ProcessFacts read_process_facts(pid_t pid, const MachineFacts& machine,
                                              const Self& self);

}  // namespace unwait
