// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace unwait::bench {

/// How a program went, from fork(2) to its end.
struct Run {
    double wall_ns = 0;
    double peak_rss = 0;  ///< bytes, of the largest process of it (wait4(2))
    int exit_status = -1;
    std::string output;  ///< stdout, when it was kept
};

enum class Stdout { discarded, kept };

/// Runs a program found by PATH, stdin and stderr being /dev/null. Throws std::system_error when it
/// cannot be started.
[[nodiscard]] Run run(const std::vector<std::string>& words, Stdout output = Stdout::discarded);

/// The same, which must exit with 0: throws std::runtime_error otherwise.
[[nodiscard]] Run run_well(const std::vector<std::string>& words,
                           Stdout output = Stdout::discarded);

}  // namespace unwait::bench
