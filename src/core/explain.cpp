// SPDX-License-Identifier: MIT
#include "explain.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "effects.hpp"
#include "remedy.hpp"
#include "sentence.hpp"
#include "text.hpp"
#include "unwait/planner.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

constexpr std::array every_action{Action::shutdown, Action::close, Action::replace,
                                  Action::destroy,  Action::term,  Action::kill};

ActionView view_of(Action action, const Finding& finding, const Policy& policy, const Self& self) {
    if (std::string why = protection_of(finding, self); !why.empty()) {
        return {action, false, std::move(why)};
    }
    Policy named = policy;
    named.actions = {action};
    Remedy remedy = remedy_for(finding, named, self);
    if (remedy.actions.empty()) {
        const std::string prefix = std::string{word(action)} + " is left out: ";
        const bool is_prefixed = remedy.reason.starts_with(prefix);
        return {action, false, remedy.reason.substr(is_prefixed ? prefix.size() : 0)};
    }
    const Step step{0, finding.socket, finding.holders, {action}, {}, {}};
    return {action, true, effects_of(step, named).front()};
}

std::string plan_text(const Finding& finding, const Policy& policy, const Self& self) {
    const Plan plan = make_plan({&finding, 1}, policy, self);
    if (plan.steps.empty()) {
        const LeftAlone& left = plan.left_alone.front();
        const std::string& flag = left.override_flag;
        return "leave it alone (" + std::string{word(left.reason)} + "): " + left.text.str() +
               (flag.empty() ? "" : "; included by " + flag);
    }
    const Step& step = plan.steps.front();
    std::vector<std::string> words;
    for (const Action action : step.actions) {
        words.emplace_back(word(action));
    }
    std::string ladder = words.front();
    for (std::size_t at = 1; at < words.size(); ++at) {
        ladder += ", then " + words[at] + " if that was not enough";
    }
    return ladder + ": " + step.reason.str();
}

}  // namespace

std::string_view advice_for(Cause cause) {
    switch (cause) {
        case Cause::leaked:
            return "close the socket once a read has returned 0, on every path: errors, timeouts "
                   "and early returns too";
        case Cause::not_reading:
            return "go on reading (or polling for EPOLLIN or EPOLLRDHUP) while a request is served "
                   "or a connection lies in a pool, and close on end of file";
        case Cause::still_sending:
            return "nothing, if one-way sending is meant; else check for the peer's end of file "
                   "before the next write";
        case Cause::shared_after_fork:
            return "open sockets with SOCK_CLOEXEC, and after fork() close the copy on the side "
                   "that does not serve the connection";
        case Cause::private_fd_table:
            return "a thread that calls unshare(CLONE_FILES) must close what it copied: no other "
                   "thread can";
        case Cause::zombie_leader:
            return "do not end main's thread by pthread_exit() while others still own sockets, or "
                   "have those close them";
        case Cause::other_netns:
            return "close the sockets of the old network namespace around setns() or unshare()";
        case Cause::dead:
            return "close the socket when a call on it fails (ECONNRESET, ECONNABORTED, EPIPE, "
                   "ETIMEDOUT) or polls as POLLERR or POLLHUP: the connection does not come back";
        case Cause::in_backlog:
            return "let the acceptor accept: see what its threads do instead, and raise the "
                   "backlog only if they are merely late";
        case Cause::in_flight:
            return "receive and close what is passed by SCM_RIGHTS, or close the unix socket: its "
                   "receiver has stopped reading";
        case Cause::in_io_uring:
            return "unregister the file (IORING_UNREGISTER_FILES or an update to -1) before the "
                   "last close";
        case Cause::pinned_by_thread:
            return "shutdown() the socket before close(), so that threads blocked in a call on it "
                   "return";
        case Cause::kernel_socket:
            return "end what uses it: unmap the memory, unmount the file system or stop the "
                   "tunnel; no process can close it";
        case Cause::holder_unreadable:
            return "look again with more privilege: root, or CAP_SYS_PTRACE, on the host";
        case Cause::unknown:
            break;
    }
    return "nothing is known to be wrong with it";
}

Explanation explain(const Finding& finding, const Policy& policy, const Self& self) {
    Explanation explanation;
    for (const Action action : every_action) {
        explanation.actions.push_back(view_of(action, finding, policy, self));
    }
    explanation.plan = plan_text(finding, policy, self);
    explanation.advice = advice_for(finding.cause);
    return explanation;
}

FdShares::FdShares(std::span<const HeldSocket> held) {
    std::map<ProcessId, std::map<std::uint16_t, std::uint64_t>> ports;
    for (const HeldSocket& each : held) {
        for (const Holder& holder : each.holders) {
            ++sockets_[holder.process->id].count;
            ++ports[holder.process->id][each.socket.local.port];
        }
    }
    // A client has a port for each of its sockets, of which it may have a hundred thousand.
    constexpr std::size_t most_ports = 16;
    for (const auto& [process, counts] : ports) {
        auto& most = sockets_[process].ports;
        most.assign(counts.begin(), counts.end());
        std::ranges::stable_sort(most, std::greater<>{}, &PortShare::second);
        most.resize(std::min(most.size(), most_ports));
    }
}

std::vector<FdShare> FdShares::of(const Finding& finding) const {
    std::vector<FdShare> shares;
    for (const Holder& holder : finding.holders) {
        const Process& process = *holder.process;
        const auto known = sockets_.find(process.id);
        const Sockets sockets = known == sockets_.end() ? Sockets{} : known->second;
        shares.push_back({process.id.pid, process.command, process.fd_count, process.fd_limit,
                          sockets.count, sockets.ports});
    }
    return shares;
}

using Traces = std::vector<Observation::Traced>;

void conclude(Observation& observation, const Finding& finding) {
    const auto seconds = format_duration(observation.duration);
    std::string text = "watched for " + seconds + ": ";
    if (observation.is_gone) {
        observation.text = text + "the application closed it meanwhile";
        return;
    }
    std::vector<std::string> seen;
    for (const auto& [call, looks] : observation.calls) {
        seen.push_back("a thread was in " + call + " on it in " + std::to_string(looks) + " of " +
                       counted(observation.looks, "look", "looks"));
    }
    if (observation.read > 0) {
        seen.push_back(counted(observation.read, "byte was", "bytes were") + " read");
    }
    if (observation.read_end) {
        seen.emplace_back("the end of file was read");
    }
    if (observation.written > 0) {
        seen.push_back(counted(observation.written, "byte was", "bytes were") + " written");
    }
    for (const auto& [call, count] : observation.traced.value_or(Traces{})) {
        seen.push_back("it called " + call + " on it " + counted(count, "time", "times"));
    }
    if (seen.empty()) {
        text += "in " + counted(observation.looks, "look", "looks") +
                " no thread was in a call on it, and nothing was read or written";
        if (observation.traced) text += ", nor was any other call made with its fd";
        if (!finding.holders.empty()) {
            text += ": the application does not touch it";
        }
    } else {
        text += enumerated(seen);
    }
    if (observation.received > 0) {
        text += "; " + counted_bytes(observation.received) + " came from the peer";
    }
    if (!observation.not_traced.empty()) {
        text += "; its calls were not counted: " + observation.not_traced;
    }
    observation.text = std::move(text);
}

}  // namespace unwait
