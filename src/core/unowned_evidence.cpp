// SPDX-License-Identifier: MIT
#include <map>

#include "notes.hpp"
#include "sentence.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

constexpr std::size_t few = 3;

std::string queue_of(const Socket& listener) {
    return "listener " + format_endpoint(listener.local) + " has " +
           std::to_string(listener.recv_queue) + " of " + std::to_string(listener.send_queue) +
           " waiting for accept()";
}

/// Threads that do the same are told of once; those that do something rarer come later.
std::string threads_text(const std::vector<const ThreadActivity*>& threads) {
    std::map<std::string, std::vector<const ThreadActivity*>> by_activity;
    for (const ThreadActivity* thread : threads) {
        by_activity[activity_of(*thread)].push_back(thread);
    }
    std::vector<std::string> parts;
    for (const auto& [activity, those] : by_activity) {
        if (parts.size() == few) {
            parts.push_back(std::to_string(by_activity.size() - few) + " other kinds of threads");
            break;
        }
        const ThreadActivity& first = *those.front();
        parts.push_back((those.size() == 1 ? "thread " + std::to_string(first.tid) + " (" +
                                                 printable(first.command) + ") "
                                           : std::to_string(those.size()) + " threads, such as " +
                                                 std::to_string(first.tid) + ", each ") +
                        activity);
    }
    return enumerated(parts);
}

std::string acceptor_text(const Holder& holder, const Surroundings& around) {
    const Process& process = *holder.process;
    std::string text = named(process) + " should accept it by " + fds_of(holder);
    if (process.state == 'T' || process.state == 't') {
        text += ", but is stopped";
    }
    const auto threads = around.threads_of(process.id.pid);
    return threads.empty() ? text : text + "; " + threads_text(threads);
}

std::string keeper_text(const Keeper& keeper) {
    const std::string process =
        "pid " + std::to_string(keeper.pid) + " (" + printable(keeper.command) + ")";
    const std::string fd = "fd " + std::to_string(keeper.fd);
    switch (keeper.kind) {
        case Keeper::Kind::io_uring:
            return is_certain(keeper)
                       ? "the io_uring at " + fd + " of " + process + " has it registered"
                       : "the io_uring at " + fd + " of " + process + " has " +
                             counted(keeper.count, "TCP socket", "TCP sockets") +
                             " registered, of which this kernel does not say which: it may be one";
        case Keeper::Kind::mapping:
            return process + " has it mapped into memory (TCP_ZEROCOPY_RECEIVE)";
        case Keeper::Kind::blocked_thread:
            return "thread " + std::to_string(keeper.tid) + " of " + process + " is blocked in " +
                   keeper.call + " on " + fd +
                   ", which was closed meanwhile: the call keeps its socket until it returns";
        case Keeper::Kind::unix_queue:
            return is_certain(keeper) ? "it is on its way inside the unix socket at " + fd +
                                            " of " + process + ", which has not received it yet"
                                      : counted(keeper.count, "fd waits", "fds wait") +
                                            " to be received in the unix socket at " + fd + " of " +
                                            process + ", and it may be one of them";
    }
    return {};
}

std::string_view code_of(Keeper::Kind kind) {
    switch (kind) {
        case Keeper::Kind::io_uring:
            return evidence_code::registered;
        case Keeper::Kind::mapping:
            return evidence_code::mapped;
        case Keeper::Kind::blocked_thread:
            return evidence_code::pinned;
        case Keeper::Kind::unix_queue:
            break;
    }
    return evidence_code::in_flight;
}

}  // namespace

void note_backlog(Notes& notes, const Socket& socket, const Surroundings& around) {
    const auto listeners = around.listeners_for(socket);
    std::string text = "no file belongs to it: it was never accepted; ";
    if (listeners.empty()) {
        text += "no listener was found for " + format_endpoint(socket.local);
    } else if (listeners.size() > 1) {
        text += counted(listeners.size(), "", "listeners") +
                " share the port (SO_REUSEPORT), and it waits in the queue of one of them: ";
    }
    for (const HeldSocket* listener : listeners) {
        text += (listener == listeners.front() ? "" : "; ") + queue_of(listener->socket);
    }
    notes.add(evidence_code::backlog, std::move(text));
    for (const HeldSocket* listener : listeners) {
        // In a group, those with an empty queue do accept.
        if (listeners.size() > 1 && listener->socket.recv_queue == 0) {
            continue;
        }
        for (const Holder& holder : listener->holders) {
            notes.add(evidence_code::acceptor, acceptor_text(holder, around));
        }
    }
}

void note_keepers(Notes& notes, const Socket& socket, const Surroundings& around) {
    const auto keepers = around.keepers_of(socket);
    if (around.hides_holders()) {
        notes.add(evidence_code::holder_unreadable,
                  "no process that can be read holds it; " + around.what_is_hidden());
    } else {
        notes.add(evidence_code::no_holder, "no fd of any process leads to it");
    }
    if (keepers.empty() && !around.hides_holders()) {
        notes.add(evidence_code::kernel_socket,
                  "nor is it mapped, registered with an io_uring, in flight inside a unix socket "
                  "or pinned by a blocked call: the kernel itself keeps it, as network file "
                  "systems and block devices do");
    }
    for (const Keeper* keeper : keepers) {
        notes.add(code_of(keeper->kind), keeper_text(*keeper));
    }
}

}  // namespace unwait
