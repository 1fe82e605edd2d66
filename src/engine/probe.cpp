// SPDX-License-Identifier: MIT
#include "probe.hpp"

#include <map>
#include <memory>
#include <utility>

#include "preflight.hpp"
#include "reach.hpp"

namespace unwait {

namespace {

std::shared_ptr<const Process> probed(Reach& reach, const Holder& holder, const SocketId& socket) {
    auto process = std::make_shared<Process>(*holder.process);
    const HeldFd& held = holder.fds.front();
    auto reached = reach.duplicate(holder, held, socket);
    if (reached.ending == Reached::Ending::denied) process->no_duplicates = reached.why_not;
    // Who traces it is known already, and is a reason of its own.
    if (process->tracer == 0) {
        process->no_injection = ptrace::obstacle(process->id, held.tid).value_or("");
    }
    return process;
}

}  // namespace

void probe_holders(std::vector<HeldSocket>& sockets) {
    Reach reach;
    std::map<std::pair<ProcessId, pid_t>, std::shared_ptr<const Process>> known;
    for (auto& [socket, holders, _] : sockets) {
        for (Holder& holder : holders) {
            const auto [entry, is_new] =
                known.try_emplace({holder.process->id, holder.fds.front().tid});
            if (is_new) entry->second = probed(reach, holder, socket.id);
            holder.process = entry->second;
        }
    }
}

}  // namespace unwait
