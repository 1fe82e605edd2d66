// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fd_calls.hpp"
#include "unwait/explanation.hpp"
#include "unwait/finding.hpp"

namespace unwait {

/// Counts the system calls that holders make on their sockets, for as long as it lives.
class CallTrace {
public:
    explicit CallTrace(std::span<const Finding> findings);

    /// Adds what was counted to the observations of the same findings, or why nothing was.
    void tell(std::span<const Finding> findings, std::vector<Observation>& observations) const;

private:
    std::optional<bpf::FdCallCounter> counter_;
    std::string obstacle_;
};

}  // namespace unwait
