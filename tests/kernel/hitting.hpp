// SPDX-License-Identifier: MIT
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <functional>

#include "operating.hpp"

/// What the tests need that kill, or stop, an unwait at any instant.
namespace unwait::test {

/// How often that is tried for each kind of target: UNWAIT_ROUNDS, by default 150.
[[nodiscard]] int rounds_of_hitting();

/// Keeps a processor busy as long as that: sleeps are not as exact.
void spin_for(std::chrono::microseconds time);

/// Calls `done` until it is true; false when that takes more than a minute.
template <typename Done>
[[nodiscard]] bool eventually(Done&& done) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + slowness * std::chrono::seconds(60);
    while (!done()) {
        if (Clock::now() > deadline) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

/// What the threads of a target do between two rounds.
enum class Idle { runs, sleeps };

/// No thread is traced, and none is left stopped. Where all sleep, none is in a blob any more
/// either.
[[nodiscard]] bool is_free(pid_t pid, Idle idle = Idle::runs);

/// Whether that child has; it is still to be waited for.
[[nodiscard]] bool has_ended(pid_t child);

/// Runs `body` in a process group of its own, which gets `signal` when `await` returns, which is
/// told its pid; where that only stops it, the target must become free all the same before it is
/// killed. Whether it had come to its end before.
bool run_and_hit(pid_t target, const std::function<void()>& body, int signal,
                 const std::function<void(pid_t)>& await);

/// The same after `delay`.
bool run_and_hit(pid_t target, const std::function<void()>& body, int signal,
                 std::chrono::microseconds delay);

}  // namespace unwait::test
