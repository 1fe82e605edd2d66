// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "unwait/finding.hpp"
#include "unwait/plan.hpp"
#include "unwait/selector.hpp"

namespace unwait {

/// How far an investigation goes.
struct Inquiry {
    bool stacks = false;
    std::optional<std::chrono::milliseconds> observe;
    bool trace = false;  ///< count the system calls on the sockets meanwhile
};

/// Adds its explanation to each finding. Nothing is changed; no thread is stopped, but for
/// microseconds where its stack cannot be read otherwise.
void investigate(std::vector<Finding>& findings, const Selector& selector, const Inquiry& inquiry,
                 const Policy& policy, const Self& self);

}  // namespace unwait
