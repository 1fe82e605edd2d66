// SPDX-License-Identifier: MIT
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <random>

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

/// Returns when it is time to hit the unwait of that pid.
using Await = std::function<void(pid_t tool)>;

/// Runs `body` in a process group of its own, which gets `signal` when `await` returns; where that
/// only stops it, the target must become free all the same before it is killed. Whether it had come
/// to its end before.
bool run_and_hit(pid_t target, const std::function<void()>& body, int signal, const Await& await);

/// How long an unwait takes, from its birth to its end, that `run` leaves in peace: the median.
[[nodiscard]] std::chrono::microseconds usual_duration(
    const std::function<void(const Await&)>& run);

/// The moments at which unwaits are hit that usually take that long: at any instant until twice
/// that; and, however fast or slow the machine is, each tenth at its birth and each tenth at its
/// end. The same each time.
class Moments {
public:
    explicit Moments(std::chrono::microseconds usual)
        : delays_(0, 2 * static_cast<int>(usual.count())) {}
    [[nodiscard]] Await next();

private:
    std::mt19937 random_{42};  // NOLINT(cert-msc51-cpp)
    std::uniform_int_distribution<int> delays_;
    int count_ = 0;
};

}  // namespace unwait::test
