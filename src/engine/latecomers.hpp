// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "networks.hpp"
#include "unwait/execute.hpp"

namespace unwait {

/// Of each attempt after which the socket is as it was although no fd of the step's holders leads
/// to it: tells in its detail who holds it now. A process may have inherited or received it since
/// the holders were looked for. Where that one has let it go by now the attempt's state says so.
void look_for_latecomers(std::span<const Step* const> steps, std::span<Attempt* const> attempts,
                         Networks& networks);

}  // namespace unwait
