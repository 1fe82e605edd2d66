// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "meter.hpp"
#include "victim.hpp"

namespace unwait::bench {

/// A process of the scenario `metered`, and a view of its meter.
class Target {
public:
    Target(long sockets, long sleeping_threads);
    ~Target();
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return victim_.pid(); }
    [[nodiscard]] int fd() const { return victim_.fd(); }

    /// From now on the main thread is busy; returns once it is.
    void spin();
    void reset_meter() noexcept;
    /// Since then, the gap that may just be ending included. A process that has ended tells what it
    /// saw until then.
    [[nodiscard]] double longest_gap_ns() const;
    [[nodiscard]] double long_gaps_ns() const;
    /// How often the busy main thread has left its processor of its own accord: to be held.
    [[nodiscard]] std::size_t stops() const;
    /// Closes its sockets itself, in a loop, and returns how long that took.
    [[nodiscard]] double close_all_ns();

private:
    void await_looks(std::uint64_t count) const;

    test::Victim victim_;
    victim::Meter* meter_;
};

/// What a busy thread of a fresh process sees while `act` is done to the process.
[[nodiscard]] double longest_pause_ns(long sleeping_threads,
                                      const std::function<void(Target&)>& act);

}  // namespace unwait::bench
