// SPDX-License-Identifier: MIT
#include "groups.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "text.hpp"

namespace unwait::cli {

namespace {

using Key = std::pair<std::string, pid_t>;
using Members = std::vector<const Holder*>;

/// The groups of one finding, and those of its holders that belong to each.
std::map<Key, Members> memberships(Grouping grouping, const Finding& finding) {
    std::map<Key, Members> groups;
    const auto everyone = [&](std::string key) {
        auto& members = groups[{std::move(key), 0}];
        for (const Holder& holder : finding.holders) members.push_back(&holder);
    };
    switch (grouping) {
        case Grouping::port:
            everyone(std::to_string(finding.socket.local.port));
            return groups;
        case Grouping::peer:
            everyone(format_address(finding.socket.peer.address));
            return groups;
        case Grouping::process:
            for (const Holder& holder : finding.holders) {
                const Process& process = *holder.process;
                groups[{process.command, process.id.pid}].push_back(&holder);
            }
            break;
        case Grouping::unit:
            for (const Holder& holder : finding.holders) {
                groups[{holder.process->unit, 0}].push_back(&holder);
            }
            break;
    }
    if (groups.empty()) everyone("");
    return groups;
}

/// Whether a is nearer to its fd limit than b; an unknown limit is farthest.
bool is_fuller(const Process& a, const Process& b) {
    const auto use = [](const Process& process) {
        return process.fd_limit == 0
                   ? 0.0
                   : static_cast<double>(process.fd_count) / static_cast<double>(process.fd_limit);
    };
    return use(a) > use(b);
}

void add(Group& group, const Finding& finding, const Members& members) {
    ++group.sockets;
    if (finding.verdict == Verdict::stuck) ++group.stuck;
    group.oldest_idle_ms = std::max(group.oldest_idle_ms, idle_ms(finding.socket));
    group.unread_bytes += unread_bytes(finding.socket);
    for (const Holder* holder : members) {
        if (!group.fullest || is_fuller(*holder->process, *group.fullest)) {
            group.fullest = *holder->process;
        }
    }
}

}  // namespace

std::vector<Group> group_by(Grouping grouping, std::span<const Finding> findings) {
    std::map<Key, Group> by_key;
    for (const Finding& finding : findings) {
        for (const auto& [key, members] : memberships(grouping, finding)) {
            Group& group = by_key[key];
            std::tie(group.key, group.pid) = key;
            add(group, finding, members);
        }
    }
    std::vector<Group> groups;
    for (auto& [key, group] : by_key) groups.push_back(std::move(group));
    std::ranges::stable_sort(groups, std::greater{}, &Group::sockets);
    return groups;
}

}  // namespace unwait::cli
