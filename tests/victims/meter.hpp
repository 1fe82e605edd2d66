// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace victim {

/// How long a busy thread did not run, seen by itself: in memory that it shares with whoever maps
/// /proc/PID/fd/N (the fact meter_fd), so that asking does not disturb it.
struct Meter {
    /// Shorter ones are the clock's, the caches' and the timer tick's.
    static constexpr std::uint64_t long_gap_ns = 20'000;

    std::atomic<std::uint64_t> looks;         ///< at the clock, in thousands
    std::atomic<std::uint64_t> longest_ns;    ///< between two looks
    std::atomic<std::uint64_t> long_gaps_ns;  ///< of all long gaps together
};

}  // namespace victim
