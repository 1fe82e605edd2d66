// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "unwait/outcome.hpp"
#include "unwait/plan.hpp"

namespace unwait {

/// What one rung of a ladder did to one step, and how things are since.
struct Attempt {
    enum class Ending : std::uint8_t {
        done,     ///< carried out; what the kernel says afterwards shows with what effect
        gone,     ///< the socket or the fd had gone before
        refused,  ///< not tried: something differs from the plan, or it would not be safe
        failed,   ///< tried, and the kernel said no
    };
    Ending ending = Ending::failed;
    std::chrono::microseconds stopped{0};
    std::string detail = {};
    /// Of the socket, as it was seen last where nothing more can be asked: its connection has ended
    /// without TIME-WAIT, or the application has connected it anew, to other endpoints.
    std::optional<TcpState> last_state = {};
    /// By StepRunner::look().
    TcpState state = TcpState::closed;  ///< of the socket, asked by cookie unless it is known
    bool fd_open = false;               ///< a holder's fd still leads to it
};

/// The one interface to effects. A rung is tried on many steps at once, so that waits overlap.
class StepRunner {
public:
    virtual ~StepRunner() = default;
    /// One Attempt for each step, in order.
    virtual std::vector<Attempt> attempt(Action action, std::span<const Step* const> steps) = 0;
    /// Asks the kernel what has come of the last attempt at each of these steps.
    virtual void look(std::span<const Step* const> steps, std::span<Attempt* const> attempts) = 0;
};

/// Told of each outcome as it is known.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void on_outcome(const Step& step, const Outcome& outcome) = 0;
};

/// Why a run ends before its plan does. Several threads may ask.
class StopSign {
public:
    enum class Reason : std::uint8_t { none, interrupted, timeout };
    virtual ~StopSign() = default;
    [[nodiscard]] virtual Reason reason() const = 0;
    /// An fd that becomes readable when somebody asks to stop, for poll(2); -1 for none.
    [[nodiscard]] virtual int poll_fd() const = 0;
    /// Time left before the run must end.
    [[nodiscard]] virtual std::chrono::milliseconds left() const = 0;
};

/// Climbs every step's ladder, mildest rung first, all steps together. Each step
/// has exactly one outcome, in the order of the plan; steps that a stop sign left untouched end as
/// `refused`.
[[nodiscard]] std::vector<Outcome> execute(const Plan& plan, StepRunner& runner, StopSign& stop,
                                           Observer& observer);

/// Carries actions out on this machine. Throws Error when sock_diag cannot be opened.
[[nodiscard]] std::unique_ptr<StepRunner> make_linux_runner(const Policy& policy, StopSign& stop);

}  // namespace unwait
