// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <thread>

#include "terminal.hpp"
#include "unwait/execute.hpp"

namespace unwait::cli {

/// While it lives, and once that is for more than a second, a line on the terminal says what is
/// being done and for how long already; it is gone when this ends. Nothing else may be written to
/// the terminal meanwhile. Does nothing where `talk` does not reach a terminal.
class Progress final : public Observer {
public:
    /// `doing` must outlive it; with `steps`, outcomes are counted.
    Progress(const Talk& talk, std::string_view doing, std::size_t steps = 0);
    ~Progress() override;
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void on_outcome(const Step& step, const Outcome& outcome) override;

private:
    void run();
    void draw(long seconds) const;

    std::string_view doing_;
    std::size_t steps_;
    std::atomic<std::size_t> ended_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
    bool is_over_ = false;
    std::thread thread_;
};

/// Takes away a line that is there. Only what a signal handler may do.
void erase_progress() noexcept;

}  // namespace unwait::cli
