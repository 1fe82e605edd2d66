// SPDX-License-Identifier: MIT
#include "unwait/planner.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contains.hpp"
#include "evidence.hpp"
#include "remedy.hpp"
#include "rule_effect.hpp"
#include "sentence.hpp"
#include "text.hpp"
#include "text_pool.hpp"
#include "unwait/diagnose.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

/// Everything that speaks against touching it, the weightiest first. The verdict names only the
/// first of them; overriding that one must not let the others pass.
std::vector<Verdict> objections_to(const Finding& finding, const Policy& policy) {
    std::vector<Verdict> objections;
    const auto object = [&objections](Verdict verdict, bool applies) {
        if (applies && !contains(objections, verdict)) {
            objections.push_back(verdict);
        }
    };
    const Verdict verdict = finding.verdict;
    const bool explained = verdict == Verdict::in_backlog || verdict == Verdict::holder_unreadable;
    object(verdict, verdict != Verdict::stuck);
    object(Verdict::no_holder, finding.holders.empty() && !explained);
    object(Verdict::in_use, finding.socket.state != TcpState::close_wait &&
                                !is_dead(finding.socket, finding.holders));
    object(Verdict::still_sending, std::ranges::find(finding.evidence, evidence_code::still_sending,
                                                     &Evidence::code) != finding.evidence.end());
    object(Verdict::too_young, is_too_young(finding.socket, policy.min_idle));
    return objections;
}

bool is_overridden(Verdict objection, const Policy& policy) {
    const bool overridable = includable_of_word(word(objection)).has_value();
    // Only destroy can be meant for a socket that nobody holds: naming it says so already.
    return overridable &&
           (contains(policy.include, objection) ||
            (objection == Verdict::no_holder && contains(policy.actions, Action::destroy)));
}

std::string idle_sentence(const Socket& socket, const Policy& policy) {
    const std::string limit = "--min-idle " + format_duration(policy.min_idle);
    const auto idle = idle_ms(socket);
    return idle ? "nothing came from the peer for " +
                      format_duration(std::chrono::milliseconds{static_cast<std::int64_t>(*idle)}) +
                      ", which is less than " + limit
                : "the kernel does not say how long it has been idle, which leaves " + limit +
                      " in doubt";
}

std::string sentence_of(Verdict reason, const Finding& finding, const Policy& policy) {
    switch (reason) {
        case Verdict::too_young:
            return idle_sentence(finding.socket, policy);
        case Verdict::still_sending:
            return "its Send-Q of " + counted_bytes(finding.socket.send_queue) +
                   " moves: the application still sends to a peer that only stopped sending itself";
        case Verdict::in_backlog:
            return "it was never accepted: the cure is that its listener accepts again, and only "
                   "destroy can end it before";
        case Verdict::no_holder:
            return "no process holds it: only destroy can end it";
        case Verdict::holder_unreadable:
            return "a process that could not be read may hold it: more privilege shows who, and "
                   "only destroy can end it without";
        case Verdict::in_use:
            return "it is " + std::string{word(finding.socket.state)} +
                   ", which alone does not say that it is stuck";
        case Verdict::denied_by_policy:
            return "the policy denies it";
        case Verdict::stuck:
        case Verdict::is_protected:
            break;
    }
    return "it is protected";
}

/// The flags that would turn a finding into a step, objections and all.
std::string override_for(const std::vector<Verdict>& objections, const Finding& finding,
                         const Policy& policy) {
    std::string actions;
    if (finding.holders.empty() && !contains(policy.actions, Action::destroy)) {
        actions = "--actions ";
        for (const Action action : policy.actions) {
            actions += std::string{word(action)} + ",";
        }
        actions += word(Action::destroy);
    }
    std::string include;
    for (const Verdict objection : objections) {
        if (objection != Verdict::no_holder) {
            include += (include.empty() ? "--include " : ",") + std::string{word(objection)};
        }
    }
    return actions + (actions.empty() || include.empty() ? "" : " ") + include;
}

/// Why a finding is not touched, or nothing when the remedy may go ahead.
std::optional<LeftAlone> left_alone(const Finding& finding, const Remedy& remedy,
                                    const Policy& policy, const Self& self, const Ruling& ruling) {
    const auto leave = [&finding](Verdict reason, std::string text, std::string flag) {
        return LeftAlone{finding.socket, finding.holders, reason, std::move(text), std::move(flag)};
    };
    if (std::string why = protection_of(finding, self); !why.empty()) {
        return leave(Verdict::is_protected, std::move(why), {});
    }
    if (ruling.denial) {
        return leave(Verdict::denied_by_policy, ruling.by + " of the policy: " + *ruling.denial,
                     {});
    }
    if (finding.verdict == Verdict::is_protected || finding.verdict == Verdict::denied_by_policy) {
        return leave(finding.verdict, sentence_of(finding.verdict, finding, policy), {});
    }
    if (remedy.actions.empty() && !finding.holders.empty()) {
        return leave(Verdict::is_protected, remedy.reason, {});
    }
    const std::vector<Verdict> all = objections_to(finding, policy);
    std::vector<Verdict> open;
    std::ranges::copy_if(all, std::back_inserter(open), [&policy](Verdict objection) {
        return !is_overridden(objection, policy);
    });
    if (open.empty() && !remedy.actions.empty()) {
        return std::nullopt;
    }
    // Everything overridden, yet nothing can be done: nobody holds it, and destroy was not named.
    const auto unheld = std::ranges::find_if(all, [](Verdict objection) {
        return objection == Verdict::in_backlog || objection == Verdict::no_holder ||
               objection == Verdict::holder_unreadable;
    });
    const Verdict reason = open.empty() ? *unheld : open.front();
    return leave(reason, sentence_of(reason, finding, policy), override_for(open, finding, policy));
}

std::optional<std::string> refusal_of(const std::vector<Step>& steps, const Policy& policy,
                                      std::vector<std::string> excesses) {
    const auto limit = [&excesses](std::size_t count, std::size_t most, const std::string& what) {
        if (count > most) {
            excesses.push_back(std::to_string(count) + " " + what + ", more than --max-" + what +
                               " " + std::to_string(most));
        }
    };
    limit(steps.size(), policy.max_sockets, "sockets");
    limit(processes_of(steps).size(), policy.max_processes, "processes");
    if (excesses.empty()) {
        return std::nullopt;
    }
    return "the plan touches " + enumerated(excesses) +
           ": select fewer, or raise the limit if all of them are meant";
}

}  // namespace

Plan make_plan(std::span<const Finding> findings, const Policy& policy, const Self& self,
               const Rulebook& book, const PolicyFacts& facts) {
    Plan plan;
    TextPool texts;
    plan.steps.reserve(findings.size());
    const auto leave = [&](LeftAlone left) {
        left.text = texts(left.text);
        left.override_flag = texts(left.override_flag);
        plan.left_alone.push_back(std::move(left));
    };
    for (const Finding& finding : findings) {
        const Ruling ruling = rule_on(book, finding, facts);
        Remedy remedy = remedy_for(finding, policy, self);
        if (auto left = left_alone(finding, remedy, policy, self, ruling)) {
            leave(std::move(*left));
            continue;
        }
        remedy = restricted(std::move(remedy), ruling, policy.actions.empty());
        if (remedy.actions.empty()) {
            leave({finding.socket, finding.holders, Verdict::denied_by_policy, remedy.reason, {}});
            continue;
        }
        const auto id = static_cast<unsigned>(plan.steps.size() + 1);
        plan.steps.push_back({id, finding.socket, finding.holders, std::move(remedy.actions),
                              texts(std::move(remedy.reason)), terms_under(ruling, policy)});
    }
    plan.refusal = refusal_of(plan.steps, policy, excesses_of(book, plan.steps, facts));
    plan.policy = policy;
    return plan;
}

std::set<ProcessId> processes_of(std::span<const Step> steps) {
    std::set<ProcessId> processes;
    for (const Step& step : steps) {
        for (const Holder& holder : step.holders) {
            processes.insert(holder.process->id);
        }
    }
    return processes;
}

bool still_needed(Action next, bool socket_is_stuck, bool fd_is_open) {
    switch (next) {
        case Action::shutdown:
        case Action::destroy:
            return socket_is_stuck;
        case Action::close:
        case Action::replace:
            return fd_is_open;
        case Action::term:
        case Action::kill:
            return socket_is_stuck || fd_is_open;
    }
    return false;
}

}  // namespace unwait
