// SPDX-License-Identifier: MIT
#include "stop_switch.hpp"

#include <sys/signalfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "exit_status.hpp"
#include "progress.hpp"
#include "unwait/error.hpp"

namespace unwait::cli {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr milliseconds no_end{24 * 3600 * 1000};
constexpr std::chrono::microseconds look_interval{100};

template <typename Status>
[[noreturn]] void end_now(int fd, std::string_view line, Status status) {
    erase_progress();
    [[maybe_unused]] const ssize_t ignored = ::write(fd, line.data(), line.size());
    ::_exit(static_cast<int>(status));
}

extern "C" void on_signal(int signal) {
    if (signal == SIGALRM) {
        end_now(STDERR_FILENO, "unwait: --timeout passed; nothing was done\n",
                ExitStatus::timed_out);
    }
    end_now(STDERR_FILENO, "unwait: interrupted; nothing was done\n", ExitStatus::interrupted);
}

extern "C" void on_signal_to_plugin(int signal) {
    end_now(
        STDOUT_FILENO,
        signal == SIGALRM ? "UNWAIT UNKNOWN: --timeout passed\n" : "UNWAIT UNKNOWN: interrupted\n",
        PluginStatus::unknown);
}

void set_handler(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    ::sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    return action.sa_handler == SIG_IGN;
}

void set_alarm(milliseconds after) {
    itimerval timer{};
    timer.it_value.tv_sec = after.count() / 1000;
    timer.it_value.tv_usec = after.count() % 1000 * 1000;
    ::setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

StopSwitch::StopSwitch(std::optional<milliseconds> timeout, Audience audience) {
    const auto handler = audience == Audience::people ? on_signal : on_signal_to_plugin;
    ::sigemptyset(&ending_);
    for (const int signal : ending_signals) {
        if (is_ignored(signal)) continue;
        ::sigaddset(&ending_, signal);
        set_handler(signal, handler);
    }
    if (!timeout) return;
    deadline_ = steady_clock::now() + *timeout;
    set_handler(SIGALRM, handler);
    // Who has started us may have blocked it.
    sigset_t alarm;
    ::sigemptyset(&alarm);
    ::sigaddset(&alarm, SIGALRM);
    ::sigprocmask(SIG_UNBLOCK, &alarm, nullptr);
    set_alarm(*timeout);
}

StopSwitch::~StopSwitch() {
    disarm();
    set_alarm(milliseconds{0});
    for (const int signal : ending_signals) {
        if (::sigismember(&ending_, signal) == 1) set_handler(signal, SIG_DFL);
    }
}

void StopSwitch::arm() {
    sigset_t held = ending_;
    for (const int signal : {SIGALRM, SIGTSTP, SIGTTOU, SIGTTIN}) ::sigaddset(&held, signal);
    ::sigprocmask(SIG_BLOCK, &held, &mask_before_);
    set_alarm(milliseconds{0});
    fd_ = ::signalfd(-1, &ending_, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd_ >= 0) return;
    const int number = errno;
    ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
    throw Error(number, "signalfd");
}

void StopSwitch::disarm() noexcept {
    if (fd_ < 0) return;
    // Default first: what arrives from here on ends the program as it would any other.
    look_for_signals();
    for (const int signal : ending_signals) {
        if (::sigismember(&ending_, signal) == 1) set_handler(signal, SIG_DFL);
    }
    set_handler(SIGALRM, SIG_IGN);
    ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
    ::close(fd_);
    fd_ = -1;
}

void StopSwitch::look_for_signals() const noexcept {
    signalfd_siginfo info{};
    while (::read(fd_, &info, sizeof info) == sizeof info) interrupted_ = true;
}

StopSign::Reason StopSwitch::reason() const {
    const auto now = steady_clock::now();
    if (fd_ >= 0 && now - looked_at_.load() >= look_interval) {
        looked_at_ = now;
        look_for_signals();
    }
    if (interrupted_) return Reason::interrupted;
    return left().count() == 0 ? Reason::timeout : Reason::none;
}

milliseconds StopSwitch::left() const {
    if (!deadline_) return no_end;
    const auto left = std::chrono::ceil<milliseconds>(*deadline_ - steady_clock::now());
    return std::max(left, milliseconds{0});
}

}  // namespace unwait::cli
