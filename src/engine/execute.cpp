// SPDX-License-Identifier: MIT
#include "unwait/execute.hpp"

#include <algorithm>
#include <utility>

#include "unwait/planner.hpp"

namespace unwait {

namespace {

using Clock = std::chrono::steady_clock;

/// How far a step has climbed.
struct Climb {
    const Step* step;
    std::size_t rung = 0;  ///< the next one
    Clock::time_point begun;
    std::optional<Action> last = {};
    Attempt seen = {};  ///< of the last attempt
    bool anything_done = false;
    bool ended = false;
    bool replaced = false;  ///< a number of it is kept by a placeholder
    std::chrono::microseconds stopped{0};
};

bool is_fd_open(const Climb& climb) { return !climb.last || climb.seen.fd_open; }

/// Of a socket whose connection is over, the fd is all that can be stuck.
bool is_stuck(const Climb& climb) {
    const TcpState before = climb.step->socket.state;
    if (before == TcpState::closed) return is_fd_open(climb);
    return !climb.last || climb.seen.state == before;
}

/// Skips rungs that have nothing left to do. False when the ladder has ended.
bool has_rung(Climb& climb) {
    const auto& actions = climb.step->actions;
    while (climb.rung < actions.size() &&
           !still_needed(actions[climb.rung], is_stuck(climb), is_fd_open(climb))) {
        ++climb.rung;
    }
    return climb.rung < actions.size();
}

/// Whether everything that the ladder is for was reached.
bool is_reached(const Climb& climb) {
    const bool for_socket_only = std::ranges::all_of(climb.step->actions, is_for_socket);
    return !is_stuck(climb) && (for_socket_only || !is_fd_open(climb));
}

Result result_of(const Climb& climb) {
    if (is_reached(climb)) return climb.anything_done ? Result::cleared : Result::already_gone;
    switch (climb.seen.ending) {
        case Attempt::Ending::done:
        case Attempt::Ending::gone:
            return Result::unchanged;
        case Attempt::Ending::refused:
            return Result::refused;
        case Attempt::Ending::failed:
            return Result::failed;
    }
    return Result::failed;
}

std::string_view reason_text(StopSign::Reason reason) {
    return reason == StopSign::Reason::timeout ? "the time for the run was up"
                                               : "the run was interrupted";
}

Outcome outcome_of(const Climb& climb, StopSign::Reason stopped) {
    Outcome outcome;
    outcome.id = climb.step->id;
    outcome.state_before = climb.step->socket.state;
    if (!climb.last) {
        outcome.result = Result::refused;
        outcome.state_after = outcome.state_before;
        outcome.detail = std::string(reason_text(stopped)) + " before this step was begun";
        return outcome;
    }
    outcome.result = result_of(climb);
    outcome.action = climb.last;
    outcome.frees_fd = !is_fd_open(climb) && !climb.replaced;
    outcome.state_after = climb.seen.state;
    outcome.stopped = climb.stopped;
    outcome.duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - climb.begun);
    outcome.detail = climb.seen.detail;
    if (stopped != StopSign::Reason::none && !is_reached(climb)) {
        outcome.detail += (outcome.detail.empty() ? "" : "; ") + std::string(reason_text(stopped));
    }
    return outcome;
}

void record(Climb& climb, Action action, Attempt attempt) {
    climb.last = action;
    climb.stopped += attempt.stopped;
    const bool done = attempt.ending == Attempt::Ending::done;
    climb.anything_done = climb.anything_done || done;
    climb.replaced = climb.replaced || (done && action == Action::replace);
    climb.seen = std::move(attempt);
}

}  // namespace

std::vector<Outcome> execute(const Plan& plan, StepRunner& runner, StopSign& stop,
                             Observer& observer) {
    std::vector<Climb> climbs;
    climbs.reserve(plan.steps.size());
    for (const Step& step : plan.steps) climbs.push_back({.step = &step, .begun = Clock::now()});
    std::vector<Outcome> outcomes;
    outcomes.reserve(plan.steps.size());
    const auto finish = [&](Climb& climb, StopSign::Reason stopped) {
        climb.ended = true;
        outcomes.push_back(outcome_of(climb, stopped));
        observer.on_outcome(*climb.step, outcomes.back());
    };

    while (stop.reason() == StopSign::Reason::none) {
        std::optional<Action> next;
        for (Climb& climb : climbs) {
            if (climb.ended) continue;
            if (!has_rung(climb)) {
                finish(climb, StopSign::Reason::none);
                continue;
            }
            const Action rung = climb.step->actions[climb.rung];
            next = next ? std::min(*next, rung) : rung;
        }
        if (!next) break;
        const auto is_due = [&next](const Climb& climb) {
            return !climb.ended && climb.rung < climb.step->actions.size() &&
                   climb.step->actions[climb.rung] == *next;
        };
        std::vector<const Step*> steps;
        for (const Climb& climb : climbs) {
            if (is_due(climb)) steps.push_back(climb.step);
        }
        auto attempts = runner.attempt(*next, steps);
        auto attempt = attempts.begin();
        for (Climb& climb : climbs) {
            if (!is_due(climb)) continue;
            ++climb.rung;
            record(climb, *next, std::move(*attempt++));
        }
    }

    const auto stopped = stop.reason();
    for (Climb& climb : climbs) {
        if (!climb.ended) finish(climb, stopped);
    }
    std::ranges::sort(outcomes, {}, &Outcome::id);
    return outcomes;
}

}  // namespace unwait
