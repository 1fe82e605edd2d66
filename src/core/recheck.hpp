// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "unwait/outcome.hpp"
#include "unwait/plan.hpp"

namespace unwait {

/// The fds of a holder, each with the thread through whose table it was found.
[[nodiscard]] std::set<std::pair<pid_t, int>> numbers_of(const Holder& holder);

/// Where and when a saved plan is about to be carried out.
struct Here {
    std::string boot_id;
    std::string host;
    std::chrono::system_clock::time_point now;
};

/// Why a saved plan must not be carried out here and now, whatever its steps are.
[[nodiscard]] std::optional<std::string> objection_to_plan(const Report& saved, const Here& here,
                                                           std::chrono::milliseconds max_age);

/// A saved plan compared with what would be planned now.
struct Recheck {
    Plan plan;                     ///< the saved plan; steps that still hold are as they are now
    std::vector<Outcome> settled;  ///< of the steps that will not be tried, in their order
};

/// Compares a saved plan with `now`, the plan for the same sockets under the same settings: a step
/// holds when that would be done again, to the same socket of the same processes by the same fds in
/// the same state, with nothing having come from the peer since. Otherwise it is settled as
/// refused, with what differs; or as already gone when the socket is not there any more, unless
/// `unseen` says for its id what else that may mean.
[[nodiscard]] Recheck recheck(const Plan& saved, const Plan& now,
                              const std::map<unsigned, std::string>& unseen);

}  // namespace unwait
