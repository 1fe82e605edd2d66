// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "unwait/plan.hpp"

namespace unwait {

/// Whether an fd of a holder still leads to the socket, or cannot be read.
[[nodiscard]] bool is_held(const Step& step);

/// The same of many at once, in their order.
[[nodiscard]] std::vector<bool> are_held(std::span<const Step* const> steps);

/// The index of the first of them that is, their number when none is.
[[nodiscard]] std::size_t first_held(std::span<const Step* const> steps);

}  // namespace unwait
