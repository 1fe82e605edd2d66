// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "unwait/checkup.hpp"
#include "unwait/finding.hpp"
#include "unwait/plan.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

enum class Result : std::uint8_t { cleared, already_gone, unchanged, refused, failed };

/// How a step ended, proven by asking the kernel again.
struct Outcome {
    unsigned id = 0;  ///< of the step
    Result result = Result::failed;
    std::optional<Action> action;  ///< the last one tried, absent when none was
    bool frees_fd = false;         ///< every holder's fd of it is free for reuse again
    TcpState state_before = TcpState::closed;
    TcpState state_after = TcpState::closed;
    std::chrono::microseconds stopped{0};  ///< longest time a thread of a holder was held, in total
    std::chrono::milliseconds duration{0};
    std::string detail;
};

struct Summary {
    std::size_t matched = 0;
    std::size_t planned = 0;
    std::size_t left_alone = 0;
    std::size_t cleared = 0;  ///< `cleared` and `already-gone`
    std::size_t failed = 0;   ///< all other results
    bool changed = false;     ///< something on the machine was changed by this run
};

/// Everything a run has to say. A part that the command has not reached is absent.
struct Report {
    std::string command;
    std::string
        run_id;  ///< of a run that may change something, as in its audit records; else empty
    std::chrono::system_clock::time_point taken_at;
    std::string boot_id;
    std::string host;
    std::vector<NetworkNamespace> networks;  ///< those that were looked into, our own first
    std::vector<BlindSpot> blind_spots;
    std::vector<Finding> findings;
    std::optional<std::vector<Check>> checks;  ///< of a checkup
    std::optional<Plan> plan;
    std::optional<std::vector<Outcome>> outcomes;
    Summary summary;
};

}  // namespace unwait
