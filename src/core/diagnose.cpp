// SPDX-License-Identifier: MIT
#include "diagnose.hpp"

#include <utility>

#include "evidence.hpp"
#include "select.hpp"
#include "text_pool.hpp"

namespace unwait {
namespace {

Verdict judge(const HeldSocket& held, const Surroundings& around,
              std::chrono::milliseconds min_idle) {
    const Socket& socket = held.socket;
    if (waits_for_accept(socket)) {
        return Verdict::in_backlog;
    }
    if (socket.state != TcpState::close_wait) {
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

Cause cause_of(const HeldSocket& held, Verdict verdict) {
    switch (verdict) {
        case Verdict::in_backlog:
            return Cause::in_backlog;
        case Verdict::holder_unreadable:
            return Cause::holder_unreadable;
        case Verdict::still_sending:
            return Cause::still_sending;
        case Verdict::stuck:
        case Verdict::too_young:
            break;
        case Verdict::no_holder:
        case Verdict::in_use:
        case Verdict::is_protected:
        case Verdict::denied_by_policy:
            return Cause::unknown;
    }
    if (held.holders.size() > 1) {
        return Cause::shared_after_fork;
    }
    return held.socket.recv_queue > 0 ? Cause::not_reading : Cause::leaked;
}

}  // namespace

bool is_too_young(const Socket& socket, std::chrono::milliseconds min_idle) {
    if (min_idle.count() <= 0) {
        return false;
    }
    const auto idle = idle_ms(socket);
    return !idle || *idle < static_cast<std::uint64_t>(min_idle.count());
}

std::vector<Finding> diagnose(const Snapshot& snapshot, const Selector& selector,
                              std::chrono::milliseconds min_idle) {
    const Surroundings around{snapshot};
    std::vector<Finding> findings;
    findings.reserve(snapshot.sockets.size());
    TextPool texts;
    for (const HeldSocket& held : snapshot.sockets) {
        if (!matches(selector, held)) {
            continue;
        }
        const Verdict verdict = judge(held, around, min_idle);
        auto evidence = evidence_of(held, around);
        for (Evidence& each : evidence) {
            each.text = texts(std::move(each.text));
        }
        findings.push_back(
            {held.socket, held.holders, cause_of(held, verdict), verdict, std::move(evidence)});
    }
    return findings;
}

}  // namespace unwait
