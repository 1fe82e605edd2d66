// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "unwait/outcome.hpp"

namespace unwait {

/// "sha256:…" of all that a plan says and that carrying it out rests on: when and where it was
/// made, under which settings, and its steps. It reveals damage and careless editing, and nobody
/// who means it: whoever can write the plan can write the digest too. The report must have a plan.
[[nodiscard]] std::string digest_of_plan(const Report& report);

/// Where and when a saved plan is about to be carried out.
struct Here {
    std::string boot_id;
    std::string host;
    std::chrono::system_clock::time_point now;
};

/// Why a saved plan must not be carried out here and now, whatever its steps are.
[[nodiscard]] std::optional<std::string> objection_to_plan(const Report& saved, const Here& here,
                                                           std::chrono::milliseconds max_age);

}  // namespace unwait
