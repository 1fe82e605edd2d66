// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "unwait/outcome.hpp"

namespace unwait {

/// "sha256:…" of all that a plan says and that carrying it out rests on: when and where it was
/// made, under which settings, and its steps. It reveals damage and careless editing, and nobody
/// who means it: whoever can write the plan can write the digest too. The report must have a plan.
[[nodiscard]] std::string digest_of_plan(const Report& report);

}  // namespace unwait
