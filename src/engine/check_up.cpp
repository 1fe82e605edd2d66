// SPDX-License-Identifier: MIT
#include "check_up.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "machine_facts.hpp"
#include "process_facts.hpp"
#include "unwait/take_snapshot.hpp"

namespace unwait {

std::vector<Check> check_up(const CheckupRequest& request) {
    const MachineFacts machine = read_machine_facts();
    const Self self = read_self({});
    std::vector<Check> checks = check_kernel(machine, request);
    std::ranges::move(check_privileges(machine, request), std::back_inserter(checks));
    for (const pid_t pid : std::set<pid_t>(request.pids.begin(), request.pids.end())) {
        const ProcessFacts facts = read_process_facts(pid, machine, self);
        std::ranges::move(check_process(facts, machine, request, self), std::back_inserter(checks));
    }
    return checks;
}

}  // namespace unwait
