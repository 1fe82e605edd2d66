// SPDX-License-Identifier: MIT
#include "observe.hpp"

#include <poll.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "call_trace.hpp"
#include "networks.hpp"
#include "thread_activity.hpp"
#include "threads_on.hpp"

namespace unwait {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds between_looks{10};

/// What the threads of the holders of all findings do at one moment, each process looked at once.
class Look {
public:
    const std::vector<ThreadActivity>& at(pid_t pid) {
        const auto [entry, is_new] = activities_.try_emplace(pid);
        if (is_new) entry->second = proc::read_activities(pid, most_threads);
        return entry->second;
    }

private:
    static constexpr std::size_t most_threads = 256;
    std::map<pid_t, std::vector<ThreadActivity>> activities_;
};

void count(Observation& observation, const std::string& call) {
    const auto known = std::ranges::find(observation.calls, call, &Observation::Calls::call);
    if (known == observation.calls.end()) {
        observation.calls.push_back({call, 1});
    } else {
        ++known->looks;
    }
}

void look_once(std::span<const Finding> findings, std::vector<Observation>& observations) {
    Look look;
    for (std::size_t at = 0; at < findings.size(); ++at) {
        ++observations[at].looks;
        std::vector<std::string> calls;  // several threads in one call are one sight
        for (const Holder& holder : findings[at].holders) {
            for (const ThreadActivity& thread : look.at(holder.process->id.pid)) {
                if (is_on(thread, holder)) calls.push_back(thread.call);
            }
        }
        std::ranges::sort(calls);
        calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
        for (const std::string& call : calls) count(observations[at], call);
    }
}

std::uint64_t growth(std::uint64_t before, std::uint64_t after) {
    return after > before ? after - before : 0;
}

void compare(Observation& observation, const Socket& before, const std::optional<Socket>& after) {
    if (!after) {
        observation.is_gone = true;
        return;
    }
    if (!before.info || !after->info) return;
    observation.received = growth(before.info->bytes_received, after->info->bytes_received);
    // What was there, and what came, less what is left.
    observation.read = growth(unread_bytes(*after), unread_bytes(before) + observation.received);
    observation.read_end = before.recv_queue > 0 && after->recv_queue == 0;
    observation.written = growth(before.info->bytes_acked + before.send_queue,
                                 after->info->bytes_acked + after->send_queue);
}

}  // namespace

std::vector<Observation> observe(std::span<const Finding> findings, milliseconds duration,
                                 bool trace) {
    std::vector<Observation> observations(findings.size());
    Networks networks;
    std::vector<const Socket*> sockets;
    for (const Finding& finding : findings) sockets.push_back(&finding.socket);
    const auto before = networks.get_each(sockets);

    std::optional<CallTrace> calls;
    if (trace) calls.emplace(findings);
    const auto begin = Clock::now();
    for (;;) {
        look_once(findings, observations);
        const auto left = std::chrono::ceil<milliseconds>(begin + duration - Clock::now());
        if (left.count() <= 0) break;
        ::poll(nullptr, 0, static_cast<int>(std::min(left, between_looks).count()));
    }
    const auto taken = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
    if (calls) calls->tell(findings, observations);
    const auto after = networks.get_each(sockets);
    for (std::size_t at = 0; at < findings.size(); ++at) {
        observations[at].duration = taken;
        if (findings[at].socket.state == TcpState::closed) continue;  // no counters move any more
        if (before[at]) {
            compare(observations[at], *before[at], after[at]);
        } else {
            observations[at].is_gone = true;
        }
    }
    return observations;
}

}  // namespace unwait
