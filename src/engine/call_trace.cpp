// SPDX-License-Identifier: MIT
#include "call_trace.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "call_name.hpp"
#include "credentials.hpp"

namespace unwait {

namespace {

/// Why the calls on its fds cannot be told by number; empty when they can.
std::string obstacle_of(const Holder& holder, const std::string& architecture) {
    const ProcessId& id = holder.process->id;
    const std::string pid = "pid " + std::to_string(id.pid);
    const bool has_other_table =
        holder.process->state != 'Z' &&
        std::ranges::any_of(holder.fds, [&](const HeldFd& held) { return held.tid != id.pid; });
    if (has_other_table) return "threads of " + pid + " have fd tables of their own";
    const bool is_known =
        architecture.empty() || architecture == "x86-64" || architecture == "aarch64";
    return is_known ? std::string() : pid + " is not a 64-bit program";
}

std::vector<bpf::ProcessFd> fds_of(const Finding& finding) {
    std::vector<bpf::ProcessFd> fds;
    for (const Holder& holder : finding.holders) {
        for (const HeldFd& held : holder.fds) fds.push_back({holder.process->id.pid, held.fd});
    }
    return fds;
}

std::vector<Observation::Traced> calls_on(const Finding& finding,
                                          std::span<const bpf::FdCalls> counts) {
    const auto fds = fds_of(finding);
    std::map<std::string, std::uint64_t> calls;
    for (const bpf::FdCalls& each : counts) {
        if (std::ranges::find(fds, each.of) == fds.end()) continue;
        if (!proc::takes_fd(each.number, each.argument)) continue;
        calls[proc::call_name(each.number)] += each.count;
    }
    std::vector<Observation::Traced> traced;
    for (auto& [call, count] : calls) traced.push_back({call, count});
    return traced;
}

}  // namespace

CallTrace::CallTrace(std::span<const Finding> findings) {
    std::vector<bpf::ProcessFd> fds;
    for (const Finding& finding : findings) {
        std::ranges::copy(fds_of(finding), std::back_inserter(fds));
    }
    auto begun = bpf::FdCallCounter::begin(fds);
    if (auto* why = std::get_if<bpf::Unavailable>(&begun)) {
        obstacle_ = std::move(why->why);
    } else {
        counter_ = std::move(std::get<bpf::FdCallCounter>(begun));
    }
}

void CallTrace::tell(std::span<const Finding> findings,
                     std::vector<Observation>& observations) const {
    std::vector<bpf::FdCalls> counts;
    if (counter_) counts = counter_->counts();
    std::map<pid_t, std::string> architectures;
    for (std::size_t at = 0; at < findings.size(); ++at) {
        std::string& not_traced = observations[at].not_traced = obstacle_;
        for (const Holder& holder : findings[at].holders) {
            if (!not_traced.empty()) break;
            const pid_t pid = holder.process->id.pid;
            const auto [known, is_new] = architectures.try_emplace(pid);
            if (is_new) known->second = proc::architecture_of(pid);
            not_traced = obstacle_of(holder, known->second);
        }
        if (not_traced.empty()) observations[at].traced = calls_on(findings[at], counts);
    }
}

}  // namespace unwait
