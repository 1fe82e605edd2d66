// SPDX-License-Identifier: MIT
#include "surgery_room.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <utility>

#include "fd_limit.hpp"
#include "file_identity.hpp"
#include "held.hpp"
#include "holders.hpp"
#include "parallel.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

/// How many duplicates may be held at a time; our own limit is raised as far as it goes.
std::size_t reference_limit() {
    constexpr std::size_t kept_for_others = 200;
    const std::size_t limit = sys::raise_fd_limit();
    return limit < 2 * kept_for_others ? 64 : limit - kept_for_others;
}

/// Whether closing the last reference to it waits (socket(7), SO_LINGER). With a linger time of 0
/// it asks for RST and does not wait.
bool lingers(int socket) noexcept {
    linger wanted{};
    socklen_t size = sizeof wanted;
    return ::getsockopt(socket, SOL_SOCKET, SO_LINGER, &wanted, &size) == 0 &&
           wanted.l_onoff != 0 && wanted.l_linger != 0;
}

void do_not_linger(int socket) noexcept {
    constexpr linger unwanted{};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &unwanted, sizeof unwanted);
}

/// Who ends a connection second leaves no TIME-WAIT behind (RFC 9293): nothing is left to ask for.
bool is_over(const Step& step, const std::optional<netlink::TcpLook>& seen) {
    return seen && seen->state == TcpState::closed && step.socket.state == TcpState::close_wait;
}

/// That is undone by another connection only.
bool is_past(const std::optional<netlink::TcpLook>& seen) {
    constexpr StateMask past = mask_of(TcpState::close_wait) | mask_of(TcpState::last_ack) |
                               mask_of(TcpState::closing) | mask_of(TcpState::closed);
    return seen && (mask_of(seen->state) & past) != 0;
}

/// When nobody else holds the socket ours is the last reference: waiting would only keep us.
void let_go(sys::Fd& reference, const Step& step) {
    if (reference && lingers(reference.get()) && !is_held(step)) do_not_linger(reference.get());
    reference.reset();
}

}  // namespace

void SurgeryRoom::admit(const Step& step, Attempt& attempt) {
    attempt = {.ending = Attempt::Ending::gone, .detail = "no holder leads to it any more"};
    for (const Holder& holder : step.holders) {
        for (const HeldFd& held : holder.fds) {
            cases_[{holder.process->id, held.tid}].push_back({&step, &holder, &held, &attempt});
        }
    }
}

void SurgeryRoom::operate(ptrace::Operation operation) {
    const std::size_t limit = reference_limit();
    for (auto& [table, cases] : cases_) {
        // Numbers that follow each other can be closed by one call.
        std::ranges::sort(cases, {}, [](const Case& each) { return each.held->fd; });
        const std::span all(cases);
        for (std::size_t at = 0; at < all.size(); at += limit) {
            operate_on(table, all.subspan(at, std::min(limit, all.size() - at)), operation);
        }
    }
}

std::vector<ProcessId> SurgeryRoom::sharers_of(const Table& table,
                                               std::span<const Case> cases) const {
    // Who shares the table is a holder of everything in it.
    std::set<ProcessId> sharers;
    for (const Holder& holder : cases.front().step->holders) {
        const ProcessId& id = holder.process->id;
        if (id != table.process && sys::same_fd_table(table.tid, id.pid) == sys::Same::yes) {
            sharers.insert(id);
        }
    }
    return {sharers.begin(), sharers.end()};
}

std::vector<SurgeryRoom::Reading> SurgeryRoom::read(std::span<const Case> cases,
                                                    ptrace::Operation operation) {
    std::vector<Reading> readings(cases.size());
    sys::make_room_for_fds(cases.size());
    sys::in_parallel(cases.size(), worth_a_thread, [&](std::size_t at) {
        const Case& each = cases[at];
        Reading& reading = readings[at];
        if (stop_.reason() != StopSign::Reason::none) return;
        reading.reached = reach_.duplicate(*each.holder, *each.held, each.step->socket.id);
        if (reading.reached.ending == Reached::Ending::gone) return;
        if (reading.reached.duplicate) {
            reading.seen = netlink::look_through(reading.reached.duplicate.get());
            reading.objection = objection_(*each.step, reading.seen);
        }
        reading.close_on_exec = operation == ptrace::Operation::replace &&
                                proc::is_close_on_exec(each.holder->process->id.pid, *each.held);
    });
    return readings;
}

void SurgeryRoom::operate_on(const Table& table, std::span<const Case> cases,
                             ptrace::Operation operation) {
    std::vector<sys::Fd> references;
    std::vector<ptrace::Cut> cuts;
    std::vector<Case> cut_cases;
    auto readings = read(cases, operation);
    if (stop_.reason() != StopSign::Reason::none) {
        for (const Case& each : cases) {
            each.attempt->ending = Attempt::Ending::refused;
            each.attempt->detail.clear();
        }
        return;
    }
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const Case& each = cases[i];
        auto& [reached, seen, objection, close_on_exec] = readings[i];
        if (reached.ending == Reached::Ending::gone) continue;
        if (!reached.duplicate) objection = objection_(*each.step, seen);
        if (objection) {
            *each.attempt = std::move(*objection);
            continue;
        }
        if (is_over(*each.step, seen)) each.attempt->last_state = TcpState::closed;
        // Without a duplicate it can still be done, but the target bears what closing costs.
        cuts.push_back({.fd = each.held->fd,
                        .reference = reached.duplicate.get(),
                        .inode = each.step->socket.id.inode,
                        .close_on_exec = close_on_exec,
                        .past = is_past(seen)});
        references.push_back(std::move(reached.duplicate));
        cut_cases.push_back(each);
    }
    if (cuts.empty()) return;
    Freeze freeze = Freeze::one;
    auto max_freeze = policy_.max_freeze;
    for (const Case& each : cut_cases) {
        const Terms terms = terms_of(*each.step, policy_);
        if (terms.freeze == Freeze::all) freeze = Freeze::all;
        max_freeze = std::min(max_freeze, terms.max_freeze);
    }
    const ptrace::Patient patient{.id = table.process,
                                  .table = table.tid,
                                  .sharers = sharers_of(table, cases),
                                  .freeze = freeze,
                                  .max_freeze = max_freeze};
    const auto surgery = ptrace::operate(patient, operation, cuts);
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        finish(cut_cases[i], cuts[i].reference, surgery.cuts[i], surgery.refusal);
    }
    // The kernel ends each connection as its last reference goes, on any processor.
    sys::in_parallel(references.size(), worth_a_thread,
                     [&](std::size_t at) { let_go(references[at], *cut_cases[at].step); });
}

void SurgeryRoom::finish(Case& of, int reference, ptrace::CutResult result,
                         const std::string& refusal) {
    Attempt& attempt = *of.attempt;
    attempt.stopped += result.stopped;
    switch (result.ending) {
        case ptrace::CutEnding::done:
            // A failure on another holder of the same socket stays what is told.
            if (attempt.ending == Attempt::Ending::gone) {
                attempt.ending = Attempt::Ending::done;
                attempt.detail.clear();
            }
            break;
        case ptrace::CutEnding::changed:
            break;
        case ptrace::CutEnding::renewed:
            attempt.ending = Attempt::Ending::refused;
            attempt.detail = "the application has begun to use the socket anew";
            if (const auto now = netlink::look_through(reference)) attempt.last_state = now->state;
            break;
        case ptrace::CutEnding::untouched:
            attempt.ending = Attempt::Ending::refused;
            attempt.detail = "pid " + std::to_string(of.holder->process->id.pid) + " fd " +
                             std::to_string(of.held->fd) + ": " + refusal;
            break;
    }
}

}  // namespace unwait
