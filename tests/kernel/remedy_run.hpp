// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "unwait/outcome.hpp"
#include "unwait/plan.hpp"
#include "victim.hpp"

/// The way from a victim to its outcomes, in the two halves between which the world may change.
namespace unwait::test {

/// These actions at once, on however young a socket.
[[nodiscard]] Policy policy_of(std::vector<Action> actions);

/// The plan for the victim's first socket, and no other.
[[nodiscard]] Plan plan_for(const Victim& victim, const Policy& policy);

/// The same for several, in one.
[[nodiscard]] Plan plan_for(std::span<const Victim* const> victims, const Policy& policy);

/// Carries it out on this machine.
[[nodiscard]] std::vector<Outcome> carry_out(const Plan& plan, const Policy& policy);

/// plan_for and carry_out of a plan with exactly one step.
[[nodiscard]] Outcome remedy(const Victim& victim, const Policy& policy);

/// What the fd of a process leads to; 0 when there is no such fd.
[[nodiscard]] std::uint64_t inode_behind(pid_t pid, int fd);

/// What a victim must keep through all that is done to its socket.
class Witness {
public:
    explicit Witness(Victim& victim);
    /// Every fd but `touched`, the signal mask, and that no call failed. In a test case only.
    void check_unharmed(const std::vector<int>& touched);

private:
    Victim& victim_;
    std::map<int, std::uint64_t> fds_;
    std::string mask_;
};

}  // namespace unwait::test
