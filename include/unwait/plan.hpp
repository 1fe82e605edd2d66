// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "unwait/finding.hpp"
#include "unwait/shared_text.hpp"

namespace unwait {

/// The remedies, mildest first.
enum class Action : std::uint8_t { shutdown, close, replace, destroy, term, kill };

/// Whether every thread that shares the fd table is held while an fd is checked and closed.
enum class Freeze : std::uint8_t { all, one };

/// What may be done, and how patiently.
struct Policy {
    std::vector<Action> actions;   ///< empty: `auto`, decided per socket
    std::vector<Verdict> include;  ///< verdicts that are overridden
    std::chrono::milliseconds min_idle{60'000};
    std::size_t max_sockets = 1000;
    std::size_t max_processes = 20;
    std::chrono::milliseconds settle{2'000};  ///< for the application to close after a shutdown
    std::chrono::milliseconds grace{10'000};  ///< for a process to exit after a signal
    Freeze freeze = Freeze::all;
    std::chrono::microseconds max_freeze{100};
};

/// How patiently and carefully a step is carried out.
struct Terms {
    std::chrono::milliseconds settle{0};
    std::chrono::milliseconds grace{0};
    Freeze freeze = Freeze::all;
    std::chrono::microseconds max_freeze{0};

    bool operator==(const Terms&) const = default;
};

/// Who is asking: what must never be touched because of it.
struct Self {
    pid_t pid = 0;
    std::vector<pid_t> ancestors;  ///< parent first, up to pid 1
    std::vector<std::uint64_t>
        own_connections;  ///< cookies of sockets that carry this session (ssh)
};

/// One socket to clear and the ladder of remedies for it.
struct Step {
    unsigned id = 0;  ///< 1, 2, … in the order of the plan
    Socket socket;
    Holders holders;
    std::vector<Action> actions;      ///< never empty
    SharedText reason;                ///< why these actions
    std::optional<Terms> terms = {};  ///< where a rule sets them; else they are those of the policy
};

/// What applies to the step.
[[nodiscard]] inline Terms terms_of(const Step& step, const Policy& policy) {
    return step.terms.value_or(
        Terms{policy.settle, policy.grace, policy.freeze, policy.max_freeze});
}

/// A finding that is not touched, and why.
struct LeftAlone {
    Socket socket;
    Holders holders;
    Verdict reason = Verdict::stuck;
    SharedText text;           ///< the reason as a sentence
    SharedText override_flag;  ///< the flag that would include it, empty when nothing does
};

/// steps + left_alone are exactly the findings it was made from.
struct Plan {
    std::vector<Step> steps;
    std::vector<LeftAlone> left_alone;
    std::optional<std::string> refusal;  ///< a limit is exceeded: nothing of the plan may be done
    Policy policy;                       ///< under which it was made
};

/// A step of a whole plan.
[[nodiscard]] inline const Step& step_with_id(const Plan& plan, unsigned id) {
    return plan.steps.at(id - 1);
}

}  // namespace unwait
