// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "arch.hpp"
#include "filter_check.hpp"
#include "survey.hpp"

namespace unwait::ptrace {

/// CLOCK_MONOTONIC in nanoseconds.
[[nodiscard]] std::uint64_t now_ns() noexcept;

/// Stays awake until then, or until a traced thread may have stopped (SIGCHLD, which must be
/// blocked) since forget_stops(). Unlike TracedThread::wait() this looks at nothing that is the
/// thread's.
void rest(std::uint64_t until) noexcept;
void forget_stops() noexcept;

/// One thread under PTRACE_SEIZE. Nothing here allocates or writes output; the kernel lets the
/// thread go when the surgeon process ends. Stops are looked at with WNOWAIT only: a signal whose
/// stop was consumed would be lost if the surgeon died then.
class TracedThread {
public:
    enum class State : std::uint8_t {
        running,
        stopped,        ///< in PTRACE_EVENT_STOP: registers may be read and written
        group_stopped,  ///< the same, and its process is stopped by job control
        gone,
    };

    /// What wait() saw.
    enum class Stop : std::uint8_t {
        none,    ///< still running when the time was up
        held,    ///< stopped or group_stopped
        signal,  ///< about to be given a signal: pass it on with deliver()
        gone,
    };

    explicit TracedThread(const SurveyedThread& thread) noexcept : thread_(thread) {}

    /// PTRACE_SEIZE: does not stop it. An errno value, 0 when it worked.
    [[nodiscard]] int seize() noexcept;

    /// PTRACE_INTERRUPT: the stop follows, wait() tells.
    void interrupt() noexcept;

    /// Whether to stay awake for the first moment of a wait. A thread that runs elsewhere stops
    /// sooner than we could fall asleep; one that sleeps may wake up on our own processor, where
    /// it gets nowhere as long as we are awake.
    enum class Spin : bool { no, yes };

    /// Waits for the next stop until `deadline` (now_ns), asleep until SIGCHLD, which must be
    /// blocked.
    [[nodiscard]] Stop wait(std::uint64_t deadline, Spin spin = Spin::yes) noexcept;

    /// After Stop::signal: gives it the signal and asks for a stop before its handler's first
    /// instruction.
    void deliver() noexcept;
    /// The same without the signal: it never was.
    void withhold() noexcept;

    /// interrupt() must have been called: passes signals on until the thread is held; then reads
    /// its registers, cures its call and keeps its filters from what the kernel would call for it.
    /// False when the time was up (State::running) or it is gone.
    [[nodiscard]] bool hold(std::uint64_t deadline, FilterCheck& filters,
                            Spin spin = Spin::yes) noexcept;

    enum class Preparation : std::uint8_t {
        done,
        interrupted,  ///< something came between: hold() it again
        too_late,     ///< running, and nobody has asked it to stop
    };

    /// Brings a held thread to the stop at which a blob at `address` can be begun, see
    /// arch::must_start_at_exit(), and reads its registers again.
    [[nodiscard]] Preparation prepare(std::uintptr_t address, std::uint64_t deadline) noexcept;

    /// Whether it has made a call on its own to be prepared.
    [[nodiscard]] bool has_made_call() const noexcept { return in_call_stop_; }

    /// Lets a prepared thread run from that address on, still seized. False when it is gone.
    [[nodiscard]] bool start_at(std::uintptr_t address) noexcept;

    /// Whether this word stands there in what is its memory now. It must be held.
    [[nodiscard]] bool finds_in_memory(std::uintptr_t address, std::uint64_t word) const noexcept;

    /// The signal that it is about to be given, 0 for none.
    [[nodiscard]] int signal() const noexcept { return is_held() ? 0 : signal_; }

    /// Lets it run until further notice, still seized.
    void cont() noexcept;

    /// Lets it go on, group-stopped if it was; no more seized when `for_good`. Returns for how many
    /// nanoseconds it was held since the first interrupt().
    std::uint64_t release(bool for_good) noexcept;

    /// For one that runs already: for how many nanoseconds it was held.
    std::uint64_t end_hold() noexcept;

    [[nodiscard]] pid_t tid() const noexcept { return thread_.tid; }
    /// As it was before it was touched.
    [[nodiscard]] const SurveyedThread& surveyed() const noexcept { return thread_; }
    [[nodiscard]] State state() const noexcept { return state_; }
    /// Interrupted, and not yet seen in a stop.
    [[nodiscard]] bool is_awaited() const noexcept {
        return state_ == State::running && held_since_ != 0;
    }
    [[nodiscard]] bool is_held() const noexcept {
        return state_ == State::stopped || state_ == State::group_stopped;
    }

    /// Registers of the last hold(), after the cure.
    arch::Registers registers{};

private:
    SurveyedThread thread_;
    State state_ = State::running;
    void sample() noexcept;
    [[nodiscard]] Preparation go_to_call_stop(std::uint64_t deadline) noexcept;

    arch::SampledCall before_;      ///< the last call that it was seen in
    int signal_ = 0;                ///< of the last stop
    bool in_call_stop_ = false;     ///< the last stop is that of PTRACE_SYSCALL
    std::uint64_t held_since_ = 0;  ///< now_ns of the first interrupt(), 0 when it was released
};

}  // namespace unwait::ptrace
