// SPDX-License-Identifier: MIT
#include "linux_runner.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "contains.hpp"
#include "held.hpp"
#include "latecomers.hpp"
#include "parallel.hpp"
#include "sentence.hpp"
#include "surgery_room.hpp"
#include "text.hpp"
#include "unwait/error.hpp"
#include "unwait/planner.hpp"
#include "vocabulary.hpp"

namespace unwait {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds first_slice{2};
constexpr milliseconds longest_slice{50};

/// The application, or somebody for it, has closed its side.
bool is_ending(TcpState state) {
    constexpr StateMask ending = mask_of(TcpState::fin_wait_1) | mask_of(TcpState::fin_wait_2) |
                                 mask_of(TcpState::closing) | mask_of(TcpState::last_ack) |
                                 mask_of(TcpState::time_wait) | mask_of(TcpState::closed);
    return (ending & mask_of(state)) != 0;
}

Attempt refused(std::string why, std::optional<TcpState> state = {}) {
    return {.ending = Attempt::Ending::refused, .detail = std::move(why), .last_state = state};
}

/// Of a socket whose connection we have ended: a program may connect it once more (connect(2),
/// AF_UNSPEC), and to the kernel it is the same socket.
std::optional<Attempt> new_use(const std::optional<netlink::TcpLook>& seen) {
    if (!seen || is_ending(seen->state)) return std::nullopt;
    return refused("the application has begun to use the socket anew: it is " +
                       std::string(word(seen->state)) + " now",
                   seen->state);
}

std::optional<netlink::TcpLook> look_of(const std::optional<Socket>& socket) {
    if (!socket) return std::nullopt;
    return netlink::TcpLook{socket->state, socket->info};
}

}  // namespace

LinuxRunner::LinuxRunner(const Policy& policy, StopSign& stop) : policy_(policy), stop_(stop) {}

std::vector<Attempt> LinuxRunner::attempt(Action action, std::span<const Step* const> steps) {
    Attempts attempts;
    switch (action) {
        case Action::shutdown:
            attempts = shut_down(steps);
            break;
        case Action::close:
        case Action::replace:
            attempts = free_fds(action, steps);
            break;
        case Action::destroy:
            attempts = destroy(steps);
            break;
        case Action::term:
            attempts = signal(SIGTERM, steps);
            break;
        case Action::kill:
            attempts = signal(SIGKILL, steps);
            break;
    }
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (attempts[i].ending != Attempt::Ending::done) continue;
        bool& has_ended = begun_[steps[i]->id];
        has_ended = has_ended || is_for_socket(action);
    }
    return attempts;
}

std::optional<Attempt> LinuxRunner::change_since_plan(const Step& step) {
    const auto reached = reach_.duplicate(step);
    return change_since_plan(
        step, reached.duplicate ? netlink::look_through(reached.duplicate.get()) : std::nullopt);
}

std::optional<Attempt> LinuxRunner::change_since_plan(const Step& step,
                                                      const std::optional<netlink::TcpLook>& seen) {
    if (const auto begun = begun_.find(step.id); begun != begun_.end()) {
        return begun->second ? new_use(seen) : std::nullopt;
    }
    // The kernel lists no dead socket: it is asked about through its fd when that is operated on.
    if (!seen && step.socket.state == TcpState::closed && is_held(step)) return std::nullopt;
    const auto now = seen ? seen : look_of(networks_.get(step.socket));
    if (!now || (now->state == TcpState::closed && step.socket.state != TcpState::closed)) {
        return Attempt{.ending = Attempt::Ending::gone, .detail = "the socket has gone"};
    }
    if (now->state != step.socket.state) {
        // A number that the application is about to close may mean another file the next moment.
        const bool nothing_left =
            !is_held(step) || std::ranges::all_of(step.actions, is_for_socket);
        if (is_ending(now->state) && !is_ending(step.socket.state) && nothing_left) {
            return Attempt{.ending = Attempt::Ending::gone,
                           .detail = "the application has closed the socket itself"};
        }
        return refused("the socket is " + std::string(word(now->state)) + " now, no more " +
                           std::string(word(step.socket.state)),
                       is_ending(now->state) ? std::nullopt : std::optional(now->state));
    }
    const bool may_move = contains(policy_.include, Verdict::still_sending) ||
                          contains(policy_.include, Verdict::in_use);
    if (!may_move && now->info && step.socket.info &&
        (now->info->bytes_acked != step.socket.info->bytes_acked ||
         now->info->bytes_received != step.socket.info->bytes_received)) {
        return refused("data has moved on the socket since it was looked at: it is in use");
    }
    return std::nullopt;
}

void LinuxRunner::look(std::span<const Step* const> steps, std::span<Attempt* const> attempts) {
    const std::size_t blocks = (steps.size() + worth_a_thread - 1) / worth_a_thread;
    const std::size_t questions = 1 + blocks;
    sys::in_parallel(questions, blocks > 1 ? 1 : questions, [&](std::size_t question) {
        if (question == 0) return look_at_states(steps, attempts);
        const std::size_t first = (question - 1) * worth_a_thread;
        const auto block = steps.subspan(first, std::min(worth_a_thread, steps.size() - first));
        const auto held = are_held(block);
        for (std::size_t i = 0; i < held.size(); ++i) attempts[first + i]->fd_open = held[i];
    });
    look_for_latecomers(steps, attempts, networks_);
}

void LinuxRunner::look_at_states(std::span<const Step* const> steps,
                                 std::span<Attempt* const> attempts) {
    constexpr std::size_t at_a_time = 4096;  // all that is told of a hundred thousand takes 40 MiB
    std::vector<const Socket*> asked;
    std::vector<Attempt*> askers;
    const auto ask = [&] {
        const auto now = networks_.get_each(asked);
        for (std::size_t i = 0; i < now.size(); ++i) {
            askers[i]->state = now[i] ? now[i]->state : TcpState::closed;
        }
        asked.clear();
        askers.clear();
    };
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (attempts[i]->last_state) {
            attempts[i]->state = *attempts[i]->last_state;
            continue;
        }
        asked.push_back(&steps[i]->socket);
        askers.push_back(attempts[i]);
        if (asked.size() == at_a_time) ask();
    }
    ask();
}

LinuxRunner::Attempts LinuxRunner::shut_down(std::span<const Step* const> steps) {
    Attempts attempts(steps.size());
    sys::in_parallel(steps.size(), worth_a_thread, [&](std::size_t at) {
        attempts[at] = stop_.reason() == StopSign::Reason::none
                           ? shut_down_one(*steps[at])
                           : Attempt{.ending = Attempt::Ending::refused};
    });
    wait_until_closed(steps, attempts);
    return attempts;
}

Attempt LinuxRunner::shut_down_one(const Step& step) {
    const auto reached = reach_.duplicate(step);
    switch (reached.ending) {
        case Reached::Ending::gone:
            return {.ending = Attempt::Ending::gone, .detail = "no holder leads to it any more"};
        case Reached::Ending::denied:
            return {.ending = Attempt::Ending::failed, .detail = reached.why_not};
        case Reached::Ending::have:
            break;
    }
    const int duplicate = reached.duplicate.get();
    if (auto change = change_since_plan(step, netlink::look_through(duplicate))) {
        return std::move(*change);
    }
    if (::shutdown(duplicate, SHUT_RDWR) == 0) return {.ending = Attempt::Ending::done};
    if (errno == ENOTCONN) {
        return {.ending = Attempt::Ending::gone, .detail = "the connection has gone"};
    }
    return {.ending = Attempt::Ending::failed,
            .detail = std::string("shutdown: ") + std::strerror(errno)};
}

bool LinuxRunner::keep_waiting(Clock::time_point deadline, milliseconds slice) const {
    using std::chrono::nanoseconds;
    const auto left = std::chrono::duration_cast<nanoseconds>(deadline - Clock::now());
    if (left.count() <= 0 || stop_.reason() != StopSign::Reason::none) return false;
    pollfd stop{stop_.poll_fd(), POLLIN, 0};
    const auto patience =
        std::max(std::min<nanoseconds>({slice, left, stop_.left()}), nanoseconds{0});
    const timespec timeout{.tv_sec = patience / std::chrono::seconds{1},
                           .tv_nsec = (patience % std::chrono::seconds{1}).count()};
    ::ppoll(&stop, 1, &timeout, nullptr);
    return stop_.reason() == StopSign::Reason::none;
}

void LinuxRunner::wait_until_closed(std::span<const Step* const> steps,
                                    std::span<const Attempt> attempts) {
    std::map<Clock::time_point, std::vector<const Step*>> open;  // by when they are waited for
    const auto begun = Clock::now();
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (attempts[i].ending != Attempt::Ending::done) continue;
        open[begun + terms_of(*steps[i], policy_).settle].push_back(steps[i]);
    }
    for (auto slice = first_slice;; slice = std::min(slice * 2, longest_slice)) {
        open.erase(open.begin(), open.upper_bound(Clock::now()));
        // One that is held is reason enough to wait; the others are looked at when it is not.
        for (; !open.empty(); open.erase(open.begin())) {
            auto& first = open.begin()->second;
            first.erase(first.begin(),
                        first.begin() + static_cast<std::ptrdiff_t>(first_held(first)));
            if (!first.empty()) break;
        }
        if (open.empty()) return;
        if (!keep_waiting(open.begin()->first, slice) && stop_.reason() != StopSign::Reason::none) {
            return;
        }
    }
}

LinuxRunner::Attempts LinuxRunner::free_fds(Action action, std::span<const Step* const> steps) {
    SurgeryRoom room(policy_, reach_, stop_, [this](const Step& step, const auto& seen) {
        auto change = change_since_plan(step, seen);
        // A socket that has gone may still have an fd.
        if (change && change->ending == Attempt::Ending::gone) change.reset();
        return change;
    });
    Attempts attempts(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) room.admit(*steps[i], attempts[i]);
    room.operate(action == Action::close ? ptrace::Operation::close : ptrace::Operation::replace);
    return attempts;
}

LinuxRunner::Attempts LinuxRunner::destroy(std::span<const Step* const> steps) {
    Attempts attempts;
    for (const Step* step : steps) {
        if (stop_.reason() != StopSign::Reason::none) {
            attempts.push_back({.ending = Attempt::Ending::refused});
        } else if (auto change = change_since_plan(*step)) {
            attempts.push_back(std::move(*change));
        } else {
            attempts.push_back(destroy_one(*step));
        }
    }
    return attempts;
}

Attempt LinuxRunner::destroy_one(const Step& step) {
    using netlink::Destroyed;
    using Ending = Attempt::Ending;
    switch (networks_.destroy(step.socket)) {
        case Destroyed::done:
            return {.ending = Ending::done};
        case Destroyed::gone:
            return {.ending = Ending::gone, .detail = "the socket has gone"};
        case Destroyed::not_permitted:
            return {.ending = Ending::failed,
                    .detail =
                        "SOCK_DESTROY needs root or CAP_NET_ADMIN in the network namespace "
                        "of the socket"};
        case Destroyed::unsupported:
            break;
    }
    return {.ending = Ending::failed,
            .detail =
                "this kernel has no SOCK_DESTROY (CONFIG_INET_DIAG_DESTROY): use shutdown "
                "or close"};
}

LinuxRunner::Attempts LinuxRunner::signal(int number, std::span<const Step* const> steps) {
    Attempts attempts(steps.size());
    std::map<ProcessId, std::string> failures;  // of those signalled, why not
    std::vector<const sys::PidFd*> waited_for;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        Attempt& attempt = attempts[i];
        if (stop_.reason() != StopSign::Reason::none) {
            attempt.ending = Attempt::Ending::refused;
            continue;
        }
        if (auto change = change_since_plan(*steps[i]);
            change && (change->ending == Attempt::Ending::refused || !is_held(*steps[i]))) {
            // A process that holds nothing of it any more is not to be ended for it.
            attempt = std::move(*change);
            continue;
        }
        attempt.ending = Attempt::Ending::gone;
        attempt.detail = "the process has exited";
        for (const Holder& holder : steps[i]->holders) {
            const auto [entry, is_new] = failures.try_emplace(holder.process->id);
            auto& failure = entry->second;
            const sys::PidFd* process = reach_.process(holder.process->id);
            if (is_new && process != nullptr) {
                try {
                    if (process->send_signal(number)) waited_for.push_back(process);
                } catch (const Error& error) {
                    failure = error.what();
                    if (error.number() == EPERM) failure += " (root or CAP_KILL)";
                }
            }
            if (process == nullptr && is_new) continue;
            attempt.ending = failure.empty() ? Attempt::Ending::done : Attempt::Ending::failed;
            attempt.detail = failure;
        }
    }
    milliseconds grace{0};
    for (const Step* step : steps) grace = std::max(grace, terms_of(*step, policy_).grace);
    const auto deadline = Clock::now() + grace;
    for (auto slice = first_slice;; slice = std::min(slice * 2, longest_slice)) {
        std::erase_if(waited_for, [](const sys::PidFd* process) { return process->exited(); });
        if (waited_for.empty() || !keep_waiting(deadline, slice)) break;
    }
    for (std::size_t i = 0; i < steps.size(); ++i) {
        for (const Holder& holder : steps[i]->holders) {
            if (attempts[i].ending == Attempt::Ending::done &&
                reach_.process(holder.process->id) != nullptr) {
                attempts[i].detail = named(*holder.process) +
                                     " has not exited within the grace of " +
                                     format_duration(grace);
            }
        }
    }
    return attempts;
}

std::unique_ptr<StepRunner> make_linux_runner(const Policy& policy, StopSign& stop) {
    return std::make_unique<LinuxRunner>(policy, stop);
}

}  // namespace unwait
