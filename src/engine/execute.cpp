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
    Attempt attempt = {};  ///< the last one
    bool seen = true;      ///< what has come of it
    bool anything_done = false;
    bool ended = false;
    bool replaced = false;  ///< a number of it is kept by a placeholder
    std::chrono::microseconds stopped{0};
};

/// What has not been seen is taken to be as it was.
bool is_fd_open(const Climb& climb) { return !climb.last || !climb.seen || climb.attempt.fd_open; }

/// Of a socket whose connection is over, the fd is all that can be stuck.
bool is_stuck(const Climb& climb) {
    const TcpState before = climb.step->socket.state;
    if (before == TcpState::closed) return is_fd_open(climb);
    return !climb.last || !climb.seen || climb.attempt.state == before;
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
    switch (climb.attempt.ending) {
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
    outcome.state_after = climb.attempt.state;
    outcome.stopped = climb.stopped;
    outcome.duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - climb.begun);
    outcome.detail = climb.attempt.detail;
    if (stopped != StopSign::Reason::none && !is_reached(climb)) {
        outcome.detail += (outcome.detail.empty() ? "" : "; ") + std::string(reason_text(stopped));
    }
    return outcome;
}

void record(Climb& climb, Action action, Attempt attempt) {
    using Ending = Attempt::Ending;
    climb.seen = false;
    climb.stopped += attempt.stopped;
    const bool done = attempt.ending == Ending::done;
    climb.anything_done = climb.anything_done || done;
    climb.replaced = climb.replaced || (done && action == Action::replace);
    const bool went_well = climb.last && (climb.attempt.ending == Ending::done ||
                                          climb.attempt.ending == Ending::gone);
    // Where the rung before has left nothing to do, that one is what is told.
    if (went_well && attempt.ending == Ending::gone) return;
    climb.last = action;
    climb.attempt = std::move(attempt);
}

/// What frees an fd finds out by itself whether there still is one.
bool is_next_seen_by_itself(const Climb& climb) {
    const auto& actions = climb.step->actions;
    return climb.rung < actions.size() &&
           (actions[climb.rung] == Action::close || actions[climb.rung] == Action::replace);
}

/// Tries the rung on all that have come to it. Returns those whose effect is still to be looked at.
std::vector<Climb*> climb_rung(StepRunner& runner, Action rung, std::vector<Climb>& climbs) {
    std::vector<Climb*> due;
    std::vector<const Step*> steps;
    for (Climb& climb : climbs) {
        if (climb.ended || climb.step->actions[climb.rung] != rung) continue;
        due.push_back(&climb);
        steps.push_back(climb.step);
    }
    auto attempts = runner.attempt(rung, steps);
    for (std::size_t i = 0; i < due.size(); ++i) {
        ++due[i]->rung;
        record(*due[i], rung, std::move(attempts[i]));
    }
    std::erase_if(due, [](const Climb* climb) { return is_next_seen_by_itself(*climb); });
    return due;
}

void look(StepRunner& runner, std::span<Climb* const> climbs) {
    if (climbs.empty()) return;
    std::vector<const Step*> steps;
    std::vector<Attempt*> attempts;
    for (Climb* climb : climbs) {
        steps.push_back(climb->step);
        attempts.push_back(&climb->attempt);
        climb->seen = true;
    }
    runner.look(steps, attempts);
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
        look(runner, climb_rung(runner, *next, climbs));
    }

    const auto stopped = stop.reason();
    std::vector<Climb*> to_see;
    for (Climb& climb : climbs) {
        if (!climb.ended && !climb.seen) to_see.push_back(&climb);
    }
    look(runner, to_see);
    for (Climb& climb : climbs) {
        if (!climb.ended) finish(climb, stopped);
    }
    std::ranges::sort(outcomes, {}, &Outcome::id);
    return outcomes;
}

}  // namespace unwait
