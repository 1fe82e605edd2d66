// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <system_error>

namespace unwait::cli {

namespace {

using Clock = std::chrono::steady_clock;

std::atomic<bool> is_shown{false};

void show(std::string_view text) noexcept {
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

/// One less than fits: a full line would wrap.
std::size_t width_of_terminal() {
    constexpr std::size_t usual = 80;
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return (known ? size.ws_col : usual) - 1;
}

/// Who works in the background leaves the terminal to others.
bool is_in_foreground() { return ::tcgetpgrp(STDERR_FILENO) == ::getpgrp(); }

}  // namespace

void erase_progress() noexcept {
    if (is_shown.exchange(false)) show("\r\x1b[K");
}

Progress::Progress(const Talk& talk, std::string_view doing, std::size_t steps)
    : doing_(doing), steps_(steps) {
    if (!talk.shows_progress()) return;
    // Signals are for the thread that works.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
        // No thread to be had: then nothing is said meanwhile.
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Progress::~Progress() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        is_over_ = true;
    }
    wake_.notify_one();
    thread_.join();
    erase_progress();
}

void Progress::on_outcome(const Step& /*step*/, const Outcome& /*outcome*/) { ++ended_; }

void Progress::run() {
    const auto begin = Clock::now();
    std::unique_lock lock(mutex_);
    for (long seconds = 1;; ++seconds) {
        const auto next = begin + std::chrono::seconds{seconds};
        if (wake_.wait_until(lock, next, [this] { return is_over_; })) return;
        if (is_in_foreground()) draw(seconds);
    }
}

void Progress::draw(long seconds) const {
    // No memory is asked for: the other thread may fork at any time.
    std::array<char, 200> line{};
    int length = 0;
    const int words = static_cast<int>(doing_.size());
    if (steps_ > 0) {
        length = std::snprintf(line.data(), line.size(), "unwait: %.*s: %zu of %zu ended (%lds)",
                               words, doing_.data(), ended_.load(), steps_, seconds);
    } else {
        length = std::snprintf(line.data(), line.size(), "unwait: %.*s (%lds)", words,
                               doing_.data(), seconds);
    }
    const std::string_view whole(line.data(), static_cast<std::size_t>(std::max(length, 0)));
    is_shown = true;
    show("\r");
    show(whole.substr(0, width_of_terminal()));
    show("\x1b[K");
}

}  // namespace unwait::cli
