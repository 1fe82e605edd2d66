// SPDX-License-Identifier: MIT
#pragma once

#include "checkup.hpp"

namespace unwait {

/// What can be tried and read without touching anybody. Throws Error when /proc cannot be used.
[[nodiscard]] MachineFacts read_machine_facts();

}  // namespace unwait
