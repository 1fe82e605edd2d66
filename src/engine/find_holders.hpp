// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "holders.hpp"

namespace unwait {

/// Everyone who holds one of these socket inodes, as proc::scan_holders() says it: found by a
/// program in the kernel where that is permitted and the quicker way, else through /proc.
[[nodiscard]] proc::HolderScan find_holders(std::span<const std::uint64_t> inodes, bool with_use);

}  // namespace unwait
