// SPDX-License-Identifier: MIT
#include "unwait/diagnose.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "evidence.hpp"
#include "select.hpp"
#include "sentence.hpp"
#include "text_pool.hpp"

namespace unwait {
namespace {

bool is_stuck_state(const HeldSocket& held) {
    return held.socket.state == TcpState::close_wait || is_dead(held.socket, held.holders);
}

Verdict judge(const HeldSocket& held, const Surroundings& around,
              std::chrono::milliseconds min_idle) {
    const Socket& socket = held.socket;
    if (waits_for_accept(socket)) {
        return Verdict::in_backlog;
    }
    if (!is_stuck_state(held)) {
        return Verdict::in_use;
    }
    if (held.holders.empty()) {
        return around.hides_holders() ? Verdict::holder_unreadable : Verdict::no_holder;
    }
    if (held.sending) {
        return Verdict::still_sending;
    }
    return is_too_young(socket, min_idle) ? Verdict::too_young : Verdict::stuck;
}

/// What keeps a socket that no fd leads to.
Cause cause_of_unowned(const Socket& socket, const Surroundings& around) {
    const auto keepers = around.keepers_of(socket);
    // A queue that perhaps carries it says less than a process that perhaps holds it.
    if (around.hides_holders() && (keepers.empty() || is_vague(*keepers.front()))) {
        return Cause::holder_unreadable;
    }
    if (keepers.empty()) {
        return Cause::kernel_socket;
    }
    switch (keepers.front()->kind) {
        case Keeper::Kind::io_uring:
            return Cause::in_io_uring;
        case Keeper::Kind::blocked_thread:
            return Cause::pinned_by_thread;
        case Keeper::Kind::unix_queue:
            return Cause::in_flight;
        case Keeper::Kind::mapping:
            break;
    }
    return Cause::kernel_socket;
}

/// What about its holders makes a socket stay, if something does.
std::optional<Cause> cause_in_holders(const HeldSocket& held) {
    if (count_tables(held.holders) > 1) {
        return Cause::shared_after_fork;
    }
    const Holder& holder = held.holders.front();
    const bool in_private_tables = std::ranges::all_of(
        holder.fds, [&holder](const HeldFd& fd) { return fd.tid != holder.process->id.pid; });
    if (in_private_tables && !holder.fds.empty()) {
        return holder.process->state == 'Z' ? Cause::zombie_leader : Cause::private_fd_table;
    }
    if (is_elsewhere(held)) {
        return Cause::other_netns;
    }
    return std::nullopt;
}

Cause cause_of(const HeldSocket& held, Verdict verdict, const Surroundings& around) {
    const Socket& socket = held.socket;
    if (verdict == Verdict::in_backlog) {
        return Cause::in_backlog;
    }
    if (held.holders.empty()) {
        return socket.id.inode == 0 ? Cause::unknown : cause_of_unowned(socket, around);
    }
    if (is_dead(held.socket, held.holders)) {
        return Cause::dead;
    }
    if (socket.state != TcpState::close_wait) {
        return Cause::unknown;
    }
    if (held.sending) {
        return Cause::still_sending;
    }
    if (const auto cause = cause_in_holders(held)) {
        return *cause;
    }
    return socket.recv_queue > 0 ? Cause::not_reading : Cause::leaked;
}

}  // namespace

bool is_too_young(const Socket& socket, std::chrono::milliseconds min_idle) {
    if (min_idle.count() <= 0) {
        return false;
    }
    const auto idle = idle_ms(socket);
    return !idle || *idle < static_cast<std::uint64_t>(min_idle.count());
}

std::vector<Finding> diagnose(Snapshot snapshot, const Selector& selector,
                              std::chrono::milliseconds min_idle) {
    const Surroundings around{snapshot};
    std::vector<Finding> findings;
    findings.reserve(snapshot.sockets.size());
    TextPool texts;
    for (HeldSocket& held : snapshot.sockets) {
        if (!matches(selector, held)) {
            continue;
        }
        const Verdict verdict = judge(held, around, min_idle);
        auto evidence = evidence_of(held, around);
        evidence.shrink_to_fit();  // there may be a hundred thousand of them
        for (Evidence& each : evidence) {
            each.text = texts(each.text);
        }
        const Cause cause = cause_of(held, verdict, around);
        findings.push_back(
            {held.socket, std::move(held.holders), cause, verdict, std::move(evidence)});
    }
    return findings;
}

}  // namespace unwait
