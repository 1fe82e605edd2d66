// SPDX-License-Identifier: MIT
#pragma once

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "unwait/execute.hpp"

namespace unwait::cli {

/// Who reads what a run that ends early has to say.
enum class Audience : std::uint8_t {
    people,      ///< a line on standard error, and the contract's exit status
    monitoring,  ///< the one line on standard output, and the plugin status UNKNOWN
};

/// What ends a run early: SIGINT, SIGTERM, SIGHUP or SIGQUIT, and --timeout. Until it is armed
/// nothing has been done yet, and either ends the program at once, as its audience expects it.
/// While it is armed they are only noted, for execute() to end in order. Signals that were ignored
/// when the program began stay ignored. One per program.
class StopSwitch final : public StopSign {
public:
    /// The time runs from here. Throws Error.
    explicit StopSwitch(std::optional<std::chrono::milliseconds> timeout,
                        Audience audience = Audience::people);
    /// Gives the signals back their default meaning: everything is over but the report.
    ~StopSwitch() override;
    StopSwitch(const StopSwitch&) = delete;
    StopSwitch& operator=(const StopSwitch&) = delete;

    /// From here until the end a signal or the timeout is noted only, and a stop from the terminal
    /// (Ctrl-Z) waits: nobody's threads may be left held. Throws Error.
    void arm();
    /// The effects are over: a signal that came is kept as reason(), later ones act as usual.
    void disarm() noexcept;

    /// Cheap enough to ask before every socket: a signal is told a moment late, a tenth of a
    /// millisecond at most.
    [[nodiscard]] Reason reason() const override;
    [[nodiscard]] int poll_fd() const override { return fd_; }
    [[nodiscard]] std::chrono::milliseconds left() const override;

private:
    void look_for_signals() const noexcept;

    sigset_t ending_{};
    sigset_t mask_before_{};
    std::optional<std::chrono::steady_clock::time_point> deadline_;
    int fd_ = -1;
    mutable std::atomic<bool> interrupted_ = false;
    mutable std::atomic<std::chrono::steady_clock::time_point> looked_at_{};
};

}  // namespace unwait::cli
