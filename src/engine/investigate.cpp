// SPDX-License-Identifier: MIT
#include "investigate.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "evidence.hpp"
#include "explain.hpp"
#include "observe.hpp"
#include "process.hpp"
#include "stack.hpp"
#include "thread_activity.hpp"
#include "threads_on.hpp"
#include "unwait/take_snapshot.hpp"

namespace unwait {

namespace {

constexpr std::size_t most_threads_read = 4096;
constexpr std::size_t most_threads_told = 16;

/// With every socket in the states, whoever holds it.
Snapshot look_around(const Selector& selector) {
    Selector wide;
    wide.states = selector.states;
    wide.networks = selector.networks;
    return take_snapshot(wide, false);
}

/// The threads of processes, each process read once.
class Threads {
public:
    const std::vector<ThreadActivity>& of(pid_t pid) {
        const auto [entry, is_new] = threads_.try_emplace(pid);
        if (is_new) entry->second = proc::read_activities(pid, most_threads_read);
        return entry->second;
    }

private:
    std::map<pid_t, std::vector<ThreadActivity>> threads_;
};

/// The threads of one finding, those that are blocked on the socket first.
class Cast {
public:
    explicit Cast(Threads& threads) : threads_(threads) {}

    void add(const Holder& holder) {
        for (const ThreadActivity& thread : threads_.of(holder.process->id.pid)) {
            add(thread, is_on(thread, holder));
        }
    }
    void add(pid_t pid, pid_t on_socket) {
        for (const ThreadActivity& thread : threads_.of(pid)) add(thread, thread.tid == on_socket);
    }
    /// Without any that are blocked on the socket, all others: they show what the application does
    /// instead.
    [[nodiscard]] std::vector<ThreadStory> result() && {
        return std::move(on_socket_.empty() ? others_ : on_socket_);
    }

private:
    void add(const ThreadActivity& thread, bool on_socket) {
        auto& stories = on_socket ? on_socket_ : others_;
        if (stories.size() < most_threads_told) stories.push_back({thread, on_socket, {}, {}, {}});
    }

    Threads& threads_;
    std::vector<ThreadStory> on_socket_;
    std::vector<ThreadStory> others_;
};

std::vector<ThreadStory> threads_of(const Finding& finding, const Surroundings& around,
                                    Threads& threads) {
    Cast cast(threads);
    for (const Holder& holder : finding.holders) cast.add(holder);
    if (waits_for_accept(finding.socket)) {
        for (const HeldSocket* listener : around.listeners_for(finding.socket)) {
            for (const Holder& holder : listener->holders) cast.add(holder);
        }
    } else if (finding.holders.empty()) {
        for (const Keeper* keeper : around.keepers_of(finding.socket)) {
            cast.add(keeper->pid, keeper->tid);
        }
    }
    return std::move(cast).result();
}

/// Each thread once, however many of the sockets it is told of for, and those of a process
/// together.
void read_stacks(std::vector<Explanation>& explanations) {
    std::map<pid_t, std::set<pid_t>> threads;  // by process
    for (const Explanation& explanation : explanations) {
        for (const ThreadStory& thread : explanation.threads) {
            threads[thread.activity.pid].insert(thread.activity.tid);
        }
    }
    std::map<pid_t, ptrace::Stack> stacks;  // by thread
    for (const auto& [pid, tids] : threads) {
        const auto id = proc::read_id(pid);
        if (id) stacks.merge(ptrace::stacks_of(*id, std::vector(tids.begin(), tids.end())));
    }
    for (Explanation& explanation : explanations) {
        for (ThreadStory& thread : explanation.threads) {
            const ptrace::Stack& stack = stacks[thread.activity.tid];
            thread.stack = stack.frames;
            thread.no_stack = stack.note;
            thread.stopped = stack.stopped;
        }
    }
}

}  // namespace

void investigate(std::vector<Finding>& findings, const Selector& selector, const Inquiry& inquiry,
                 const Policy& policy, const Self& self) {
    if (findings.empty()) return;
    const Snapshot snapshot = look_around(selector);
    const Surroundings around(snapshot);
    const FdShares shares(snapshot.sockets);
    Threads threads;
    std::vector<Explanation> explanations;
    for (const Finding& finding : findings) {
        Explanation& explanation = explanations.emplace_back(explain(finding, policy, self));
        explanation.shares = shares.of(finding);
        explanation.threads = threads_of(finding, around, threads);
    }
    if (inquiry.stacks) read_stacks(explanations);
    if (inquiry.observe) {
        auto observations = observe(findings, *inquiry.observe, inquiry.trace);
        for (std::size_t at = 0; at < findings.size(); ++at) {
            conclude(observations[at], findings[at]);
            explanations[at].observation = std::move(observations[at]);
        }
    }
    for (std::size_t at = 0; at < findings.size(); ++at) {
        findings[at].explanation = std::make_shared<const Explanation>(std::move(explanations[at]));
    }
}

}  // namespace unwait
