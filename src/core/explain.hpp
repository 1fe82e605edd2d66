// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "unwait/explanation.hpp"
#include "unwait/finding.hpp"
#include "unwait/plan.hpp"

namespace unwait {

/// The parts of an explanation that follow from the finding alone: actions, plan and advice.
[[nodiscard]] Explanation explain(const Finding& finding, const Policy& policy, const Self& self);

/// What to mend in the application, one line for each cause.
[[nodiscard]] std::string_view advice_for(Cause cause);

/// How processes use their fds.
class FdShares {
public:
    /// `held` are all sockets in the states that are asked about.
    explicit FdShares(std::span<const HeldSocket> held);

    /// That of each holder.
    [[nodiscard]] std::vector<FdShare> of(const Finding& finding) const;

private:
    struct Sockets {
        std::uint64_t count = 0;
        std::vector<PortShare> ports;
    };
    std::map<ProcessId, Sockets> sockets_;
};

/// Fills in the sentence of an observation.
void conclude(Observation& observation, const Finding& finding);

}  // namespace unwait
