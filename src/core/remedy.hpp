// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "unwait/finding.hpp"
#include "unwait/plan.hpp"

namespace unwait {

/// What may be done to one socket, mildest first.
struct Remedy {
    std::vector<Action> actions;  ///< empty when nothing of what is allowed can be done
    std::string reason;           ///< why these, or why none
};

/// Whether nothing that it holds may be touched by anything.
[[nodiscard]] bool is_protected(const Process& process);

/// Why this must not or cannot be done to this holder, if so.
[[nodiscard]] std::optional<std::string> obstacle_to(const Process& process, Action action,
                                                     const Self& self);

/// Why a finding may not be touched by anything; empty when it may be.
[[nodiscard]] std::string protection_of(const Finding& finding, const Self& self);

/// The actions that the policy names, or `auto`, less those that must not or cannot be done here.
[[nodiscard]] Remedy remedy_for(const Finding& finding, const Policy& policy, const Self& self);

}  // namespace unwait
