// SPDX-License-Identifier: MIT
#include "recheck.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "sentence.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

/// A clock that is set while a plan waits may be off by this much without being noticed.
constexpr std::chrono::seconds clock_slack{5};

std::string idle_text(const Socket& socket) {
    const auto idle = idle_ms(socket);
    return idle ? format_duration(std::chrono::milliseconds{static_cast<std::int64_t>(*idle)})
                : "an unknown time";
}

/// What became of one holder, if anything did.
std::optional<std::string> difference(const Holder& planned, std::span<const Holder> now) {
    const pid_t pid = planned.process->id.pid;
    const auto same_pid = std::ranges::find_if(
        now, [pid](const Holder& holder) { return holder.process->id.pid == pid; });
    if (same_pid == now.end()) {
        return named(*planned.process) + " does not hold it any more";
    }
    if (same_pid->process->id != planned.process->id) {
        return "pid " + std::to_string(pid) + " is another process now, started later";
    }
    if (numbers_of(*same_pid) != numbers_of(planned)) {
        return named(*planned.process) + " holds it as " + fds_of(*same_pid) + " now, no more as " +
               fds_of(planned);
    }
    return std::nullopt;
}

std::optional<std::string> difference(std::span<const Holder> planned,
                                      std::span<const Holder> now) {
    for (const Holder& holder : planned) {
        if (auto what = difference(holder, now)) {
            return what;
        }
    }
    for (const Holder& holder : now) {
        const auto known = std::ranges::find(planned, holder.process->id,
                                             [](const Holder& each) { return each.process->id; });
        if (known == planned.end()) {
            return named(*holder.process) + " holds it too now";
        }
    }
    return std::nullopt;
}

std::optional<std::string> difference(const Socket& planned, const Socket& now) {
    if (planned.state != now.state) {
        return "it is " + std::string{word(now.state)} + " now, no more " +
               std::string{word(planned.state)};
    }
    if (planned.id.inode != 0 && now.id.inode == 0) {
        return "it has been closed since";
    }
    if (planned.id != now.id) {
        return "it is inode " + std::to_string(now.id.inode) + " in network namespace " +
               std::to_string(now.id.netns) + " now, no more inode " +
               std::to_string(planned.id.inode) + " in " + std::to_string(planned.id.netns);
    }
    if (planned.local != now.local || planned.peer != now.peer) {
        return "its ends are " + format_endpoint(now.local) + " and " + format_endpoint(now.peer) +
               " now, no more those of the plan";
    }
    if (idle_ms(now) < idle_ms(planned)) {
        return "something came from the peer since: it has been idle for " + idle_text(now) +
               ", and was for " + idle_text(planned);
    }
    return std::nullopt;
}

/// What speaks against carrying a step out as it was planned, now that it would be planned as
/// `now`.
std::optional<std::string> difference(const Step& planned, const Step& now) {
    if (auto what = difference(planned.socket, now.socket)) {
        return what;
    }
    if (auto what = difference(planned.holders, now.holders)) {
        return what;
    }
    if (planned.actions != now.actions) {
        return "what is to be done would be " + ladder_text(now.actions) + " now, no more " +
               ladder_text(planned.actions) + ": " + now.reason.str();
    }
    return std::nullopt;
}

/// The same for a finding that would be left alone now; the reason is the last thing to be told.
std::string difference(const Step& planned, const LeftAlone& now) {
    if (auto what = difference(planned.socket, now.socket)) {
        return *what;
    }
    if (auto what = difference(planned.holders, now.holders)) {
        return *what;
    }
    return std::string{word(now.reason)} + ": " + now.text.str();
}

Outcome settle(const Step& step, Result result, std::string detail) {
    Outcome outcome;
    outcome.id = step.id;
    outcome.result = result;
    outcome.state_before = step.socket.state;
    outcome.state_after = step.socket.state;
    outcome.detail = std::move(detail);
    return outcome;
}

Outcome settle_gone(const Step& step) {
    Outcome outcome = settle(step, Result::already_gone, "the socket has gone since");
    outcome.state_after = TcpState::closed;
    return outcome;
}

}  // namespace

std::set<std::pair<pid_t, int>> numbers_of(const Holder& holder) {
    std::set<std::pair<pid_t, int>> numbers;
    for (const HeldFd& held : holder.fds) {
        numbers.emplace(held.tid, held.fd);
    }
    return numbers;
}

std::optional<std::string> objection_to_plan(const Report& saved, const Here& here,
                                             std::chrono::milliseconds max_age) {
    if (to_utf8(here.host) != saved.host) {
        return "it was made on host '" + printable(saved.host) + "', and this is '" +
               printable(here.host) + "'";
    }
    if (saved.boot_id != here.boot_id) {
        return "it was made before this machine was started, or on another one: its processes and "
               "sockets mean nothing here";
    }
    const auto age = here.now - saved.taken_at;
    if (age < -clock_slack) {
        return "it was made at " + format_time(saved.taken_at) +
               ", which is in the future: the clock has been set since";
    }
    if (age > max_age) {
        return "it is " + format_duration(std::chrono::floor<std::chrono::microseconds>(age)) +
               " old, which is more than --max-plan-age " + format_duration(max_age) +
               ": make a new one";
    }
    return std::nullopt;
}

Recheck recheck(const Plan& saved, const Plan& now, const std::map<unsigned, std::string>& unseen) {
    std::map<std::uint64_t, const Step*> steps;
    std::map<std::uint64_t, const LeftAlone*> left_alone;
    for (const Step& step : now.steps) {
        steps.emplace(step.socket.id.cookie, &step);
    }
    for (const LeftAlone& each : now.left_alone) {
        left_alone.emplace(each.socket.id.cookie, &each);
    }
    Recheck result{saved, {}};
    result.plan.refusal = now.refusal;
    for (Step& step : result.plan.steps) {
        const std::uint64_t cookie = step.socket.id.cookie;
        if (const auto found = steps.find(cookie); found != steps.end()) {
            if (auto what = difference(step, *found->second)) {
                result.settled.push_back(settle(step, Result::refused, std::move(*what)));
                result.settled.back().state_after = found->second->socket.state;
                continue;
            }
            const unsigned id = step.id;
            step = *found->second;
            step.id = id;
        } else if (const auto left = left_alone.find(cookie); left != left_alone.end()) {
            result.settled.push_back(
                settle(step, Result::refused, difference(step, *left->second)));
            result.settled.back().state_after = left->second->socket.state;
        } else if (const auto why = unseen.find(step.id); why != unseen.end()) {
            result.settled.push_back(settle(step, Result::refused, why->second));
        } else {
            result.settled.push_back(settle_gone(step));
        }
    }
    return result;
}

}  // namespace unwait
