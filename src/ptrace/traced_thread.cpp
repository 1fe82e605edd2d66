// SPDX-License-Identifier: MIT
#include "traced_thread.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

namespace unwait::ptrace {

namespace {

// A stop takes a few microseconds; sleeping at once would cost a context switch more.
constexpr std::uint64_t spin_ns = 25'000;

sigset_t child_events() noexcept {
    sigset_t child{};
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    return child;
}

bool child_event_is_pending() noexcept {
    sigset_t pending{};
    return sigpending(&pending) == 0 && sigismember(&pending, SIGCHLD) == 1;
}

void wait_for_child_event(std::uint64_t patience_ns) noexcept {
    // Several threads' events may share one pending SIGCHLD, so nobody relies on one for long.
    const std::uint64_t slice = std::min<std::uint64_t>(patience_ns, 1'000'000);
    const timespec timeout{0, static_cast<long>(slice)};
    const sigset_t child = child_events();
    sigtimedwait(&child, nullptr, &timeout);
}

}  // namespace

std::uint64_t now_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(now.tv_nsec);
}

void rest(std::uint64_t until) noexcept {
    for (int rounds = 1; now_ns() < until; ++rounds) {
        arch::relax();
        if (rounds % 5 == 0 && child_event_is_pending()) return;
    }
}

void forget_stops() noexcept { wait_for_child_event(0); }

int TracedThread::seize() noexcept {
    if (::ptrace(PTRACE_SEIZE, tid(), nullptr, PTRACE_O_TRACESYSGOOD) != 0) return errno;
    sample();
    return 0;
}

void TracedThread::sample() noexcept {
    const auto now = arch::sample_call(tid());
    if (now.number >= 0) before_ = now;
}

void TracedThread::interrupt() noexcept {
    sample();
    if (held_since_ == 0) held_since_ = now_ns();
    if (::ptrace(PTRACE_INTERRUPT, tid(), nullptr, nullptr) != 0) state_ = State::gone;
}

TracedThread::Stop TracedThread::wait(std::uint64_t deadline, Spin spin) noexcept {
    const std::uint64_t spin_until = spin == Spin::yes ? now_ns() + spin_ns : 0;
    while (state_ != State::gone) {
        siginfo_t info{};
        const int options = WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL;
        if (::waitid(P_PID, static_cast<id_t>(tid()), &info, options) != 0) break;
        if (info.si_pid != 0) {
            if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
                // A thread that ended is reaped at once: its process cannot be waited for before.
                ::waitid(P_PID, static_cast<id_t>(tid()), &info, WEXITED | WNOHANG | __WALL);
                break;
            }
            const int event = info.si_status >> 8;
            signal_ = info.si_status & 0xff;
            in_call_stop_ = event == 0 && signal_ == (SIGTRAP | 0x80);
            if (event == PTRACE_EVENT_STOP) {
                state_ = signal_ == SIGTRAP ? State::stopped : State::group_stopped;
                return Stop::held;
            }
            if (event != 0 || in_call_stop_) signal_ = 0;
            return Stop::signal;
        }
        const std::uint64_t now = now_ns();
        if (now >= deadline) return Stop::none;
        if (now >= spin_until) wait_for_child_event(deadline - now);
    }
    state_ = State::gone;
    return Stop::gone;
}

void TracedThread::deliver() noexcept {
    arch::heed_signals(tid(), registers, signal_);
    // Any stop uses an earlier PTRACE_INTERRUPT up, so it is asked for again before going on.
    ::ptrace(PTRACE_INTERRUPT, tid(), nullptr, nullptr);
    ::ptrace(PTRACE_CONT, tid(), nullptr, signal_);
    state_ = State::running;
}

void TracedThread::withhold() noexcept {
    signal_ = 0;
    deliver();
}

bool TracedThread::hold(std::uint64_t deadline, FilterCheck& filters, Spin spin) noexcept {
    for (;;) {
        switch (wait(deadline, spin)) {
            case Stop::none:
            case Stop::gone:
                return false;
            case Stop::signal:
                deliver();
                break;
            case Stop::held:
                if (arch::read_registers(tid(), registers) &&
                    arch::cure_interrupted_call(tid(), before_, registers) &&
                    filters.guard_restart(thread_, registers)) {
                    return true;
                }
                state_ = State::gone;  // only SIGKILL takes a thread out of a ptrace-stop
                return false;
        }
    }
}

TracedThread::Preparation TracedThread::prepare(std::uintptr_t address,
                                                std::uint64_t deadline) noexcept {
    if (!arch::must_start_at_exit(tid(), registers, address)) return Preparation::done;
    const auto entered = go_to_call_stop(deadline);
    if (entered != Preparation::done) return entered;
    if (!arch::read_registers(tid(), registers) || !arch::can_interrupt_call(registers)) {
        return Preparation::interrupted;
    }
    ::ptrace(PTRACE_INTERRUPT, tid(), nullptr, nullptr);
    const auto left = go_to_call_stop(deadline);
    if (left != Preparation::done) return left;
    const bool is_cured =
        arch::read_registers(tid(), registers) && arch::cure_at_exit(tid(), registers);
    return is_cured ? Preparation::done : Preparation::interrupted;
}

TracedThread::Preparation TracedThread::go_to_call_stop(std::uint64_t deadline) noexcept {
    // A group-stopped thread stops once more without getting anywhere.
    for (int stops = 0; stops < 10; ++stops) {
        ::ptrace(PTRACE_SYSCALL, tid(), nullptr, nullptr);
        state_ = State::running;
        const Stop stop = wait(deadline);
        if (stop == Stop::none) return Preparation::too_late;
        if (stop == Stop::signal && in_call_stop_) return Preparation::done;
        if (stop != Stop::held) break;
    }
    return Preparation::interrupted;
}

bool TracedThread::start_at(std::uintptr_t address) noexcept {
    if (!arch::set_instruction_pointer(tid(), registers, address)) return false;
    // Only on its way to a stop does the kernel decide what becomes of the call.
    if (in_call_stop_) ::ptrace(PTRACE_INTERRUPT, tid(), nullptr, nullptr);
    in_call_stop_ = false;
    cont();
    return true;
}

bool TracedThread::finds_in_memory(std::uintptr_t address, std::uint64_t word) const noexcept {
    errno = 0;
    const long found = ::ptrace(PTRACE_PEEKDATA, tid(), address, nullptr);
    return errno == 0 && static_cast<std::uint64_t>(found) == word;
}

void TracedThread::cont() noexcept {
    ::ptrace(PTRACE_CONT, tid(), nullptr, nullptr);
    state_ = State::running;
}

std::uint64_t TracedThread::release(bool for_good) noexcept {
    arch::heed_signals(tid(), registers, 0);
    const auto request = for_good                         ? PTRACE_DETACH
                         : state_ == State::group_stopped ? PTRACE_LISTEN
                                                          : PTRACE_CONT;
    ::ptrace(request, tid(), nullptr, nullptr);
    state_ = State::running;
    return end_hold();
}

std::uint64_t TracedThread::end_hold() noexcept { return now_ns() - std::exchange(held_since_, 0); }

}  // namespace unwait::ptrace
