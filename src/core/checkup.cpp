// SPDX-License-Identifier: MIT
#include "checkup.hpp"

#include <algorithm>

namespace unwait {

std::vector<Action> wanted_actions(const CheckupRequest& request) {
    auto wanted = request.actions;
    if (wanted.empty()) {
        wanted = {Action::shutdown, Action::close, Action::replace};
        if (request.pids.empty()) wanted.push_back(Action::destroy);
    }
    std::ranges::sort(wanted);
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    return wanted;
}

bool all_needed_work(std::span<const Check> checks) {
    return std::ranges::all_of(checks,
                               [](const Check& check) { return check.works || !check.needed; });
}

}  // namespace unwait
