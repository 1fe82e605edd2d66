// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace unwait {

/// Which machine this is, since when it runs, and where on it we are.
struct Machine {
    std::string boot_id;
    std::string host;
    std::uint64_t netns = 0;  ///< the network namespace that we are in
};

/// Throws Error.
[[nodiscard]] Machine read_machine();

}  // namespace unwait
