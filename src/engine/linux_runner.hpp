// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "networks.hpp"
#include "reach.hpp"
#include "tcp_look.hpp"
#include "unwait/execute.hpp"

namespace unwait {

/// Carries actions out on this machine, each proven before and after.
class LinuxRunner final : public StepRunner {
public:
    LinuxRunner(const Policy& policy, StopSign& stop);

    std::vector<Attempt> attempt(Action action, std::span<const Step* const> steps) override;
    void look(std::span<const Step* const> steps, std::span<Attempt* const> attempts) override;

private:
    using Attempts = std::vector<Attempt>;

    Attempts shut_down(std::span<const Step* const> steps);
    Attempts free_fds(Action action, std::span<const Step* const> steps);
    Attempts destroy(std::span<const Step* const> steps);
    Attempts signal(int number, std::span<const Step* const> steps);

    Attempt shut_down_one(const Step& step);
    Attempt destroy_one(const Step& step);
    void wait_until_closed(std::span<const Step* const> steps, std::span<const Attempt> attempts);
    [[nodiscard]] bool keep_waiting(std::chrono::steady_clock::time_point deadline,
                                    std::chrono::milliseconds slice) const;

    /// Why the step must not be touched any more, if its socket is not as it was planned. What has
    /// not been seen through a duplicate of its fd is asked for by cookie.
    [[nodiscard]] std::optional<Attempt> change_since_plan(
        const Step& step, const std::optional<netlink::TcpLook>& seen);
    /// The same, seen through a duplicate if one can be had.
    [[nodiscard]] std::optional<Attempt> change_since_plan(const Step& step);
    void look_at_states(std::span<const Step* const> steps, std::span<Attempt* const> attempts);

    const Policy& policy_;
    StopSign& stop_;
    Networks networks_;
    Reach reach_;
    /// Steps that we have changed ourselves, so that what they were is past; whether the connection
    /// was ended by that.
    std::map<unsigned, bool> begun_;
};

}  // namespace unwait
