// SPDX-License-Identifier: MIT
#include "probe.hpp"

#include <map>
#include <string>

#include "preflight.hpp"
#include "reach.hpp"

namespace unwait {

namespace {

struct Findings {
    std::string no_duplicates;
    std::string no_injection;
};

Findings probe(Reach& reach, const Holder& holder, const SocketId& socket) {
    Findings findings;
    const HeldFd& held = holder.fds.front();
    auto reached = reach.duplicate(holder, held, socket);
    if (reached.ending == Reached::Ending::denied) findings.no_duplicates = reached.why_not;
    // Who traces it is known already, and is a reason of its own.
    if (holder.process.tracer == 0) {
        findings.no_injection = ptrace::obstacle(holder.process.id, held.tid).value_or("");
    }
    return findings;
}

}  // namespace

void probe_holders(std::vector<HeldSocket>& sockets) {
    Reach reach;
    std::map<std::pair<ProcessId, pid_t>, Findings> known;
    for (auto& [socket, holders, _] : sockets) {
        for (Holder& holder : holders) {
            const auto [entry, is_new] =
                known.try_emplace({holder.process.id, holder.fds.front().tid});
            if (is_new) entry->second = probe(reach, holder, socket.id);
            holder.process.no_duplicates = entry->second.no_duplicates;
            holder.process.no_injection = entry->second.no_injection;
        }
    }
}

}  // namespace unwait
