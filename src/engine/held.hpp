// SPDX-License-Identifier: MIT
#pragma once

#include "unwait/plan.hpp"

namespace unwait {

/// Whether an fd of a holder still leads to the socket, or cannot be read.
[[nodiscard]] bool is_held(const Step& step);

}  // namespace unwait
