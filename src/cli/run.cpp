// SPDX-License-Identifier: MIT
#include "run.hpp"

namespace unwait::cli {

int run(std::span<char* const>) { return 0; }

}  // namespace unwait::cli
