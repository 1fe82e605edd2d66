// SPDX-License-Identifier: MIT
#include "effects.hpp"

#include "evidence.hpp"
#include "sentence.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

constexpr StateMask before_own_fin =
    mask_of(TcpState::established) | mask_of(TcpState::syn_recv) | mask_of(TcpState::close_wait);

bool sends_fin(const Socket& socket) { return (mask_of(socket.state) & before_own_fin) != 0; }

/// What ends with a listener is not its peer but those who wait.
std::string listener_effect(const Socket& socket) {
    return "stops listening on " + format_endpoint(socket.local) + ", and " +
           counted(socket.recv_queue, "waiting connection is", "waiting connections are") +
           " reset";
}

/// What was received stays readable, in whatever way the connection ends.
std::string left_to_read(const Socket& socket) {
    const std::uint32_t unread = unread_bytes(socket);
    return unread > 0 ? "the " + counted_bytes(unread) + " left and then " : "";
}

std::string shutdown_effect(const Step& step, bool more_follow, const Terms& terms) {
    const Socket& socket = step.socket;
    std::string text;
    if (socket.state == TcpState::listening) {
        text = listener_effect(socket);
    } else {
        text = sends_fin(socket) ? "sends FIN to " + format_endpoint(socket.peer)
                                 : "ends both directions; no FIN is due any more";
        if (sends_fin(socket) && socket.send_queue > 0) {
            text += " behind the " + counted_bytes(socket.send_queue) + " still queued";
        }
        text += "; the application reads " + left_to_read(socket) +
                "end of file, and its writes fail with EPIPE";
    }
    return text + "; no process is stopped; " +
           (more_follow ? "the application then has " + format_duration(terms.settle) +
                              " to close " + fds_of(step.holders) + " itself"
                        : "only the application can then free " + fds_of(step.holders));
}

/// What the last close of the socket does to the connection.
std::string last_close_effect(const Step& step, bool after_shutdown) {
    const Socket& socket = step.socket;
    if (socket.state == TcpState::listening) {
        return listener_effect(socket);
    }
    if (const std::uint32_t unread = unread_bytes(socket); unread > 0) {
        return counted(unread, "unread byte is", "unread bytes are") + " lost" +
               (after_shutdown ? "" : " and RST is sent instead of FIN");
    }
    return after_shutdown || !sends_fin(socket) ? "no more FIN is due"
                                                : "sends FIN to " + format_endpoint(socket.peer);
}

/// For a moment the placeholder has a number of its own.
std::string shortage_of_numbers(const Step& step) {
    std::string text;
    for (const Holder& holder : step.holders) {
        const Process& process = *holder.process;
        if (process.fd_limit == 0 || process.fd_count < process.fd_limit) continue;
        text += "; " + named(process) + " has all " + std::to_string(process.fd_limit) +
                " fds open that it may, and needs one more for the placeholder";
    }
    return text;
}

std::string removal_effect(Action action, const Step& step, bool after_shutdown,
                           const Terms& terms) {
    const bool reserved = action == Action::replace;
    std::string text = reserved ? "puts a harmless placeholder over " : "closes ";
    text += fds_of(step.holders) + "; ";
    text += last_close_effect(step, after_shutdown);
    text += reserved ? "; the number stays reserved until the application closes it, which then "
                       "hits nothing else"
                     : "; the number is free for the application's next open";
    text += terms.freeze == Freeze::all
                ? "; all threads that share the fd table are stopped for microseconds"
                : "; one thread is stopped for microseconds";
    if (reserved) text += shortage_of_numbers(step);
    return text;
}

std::string destroy_effect(const Step& step) {
    const Socket& socket = step.socket;
    std::string text;
    if (socket.state == TcpState::listening) {
        text = listener_effect(socket);
    } else {
        text =
            "makes the kernel end the connection and send RST to " + format_endpoint(socket.peer);
        if (socket.send_queue > 0) {
            text +=
                "; " + counted(socket.send_queue, "unsent byte is", "unsent bytes are") + " lost";
        }
    }
    if (!step.holders.empty()) {
        text += "; the application reads " + left_to_read(socket) +
                "end of file, its next write fails with ECONNABORTED, and only it can then free " +
                fds_of(step.holders);
    } else if (waits_for_accept(socket)) {
        text += "; its place in the queue of the listener stays taken until the next accept()";
    }
    return text;
}

std::string signal_effect(Action action, const Step& step, const Terms& terms) {
    const bool one = step.holders.size() == 1;
    return "sends " + std::string{action == Action::term ? "SIGTERM" : "SIGKILL"} + " to " +
           named(step.holders) + ": all " + (one ? "its" : "their") +
           " connections and unsaved work are lost; waits " + format_duration(terms.grace) +
           " for the exit";
}

std::string effect_of(Action action, const Step& step, const Terms& terms) {
    const bool after_shutdown = step.actions.front() == Action::shutdown;
    switch (action) {
        case Action::shutdown:
            return shutdown_effect(step, step.actions.size() > 1, terms);
        case Action::close:
        case Action::replace:
            return removal_effect(action, step, after_shutdown, terms);
        case Action::destroy:
            return destroy_effect(step);
        case Action::term:
        case Action::kill:
            return signal_effect(action, step, terms);
    }
    return {};
}

}  // namespace

std::vector<std::string> effects_of(const Step& step, const Policy& policy) {
    const Terms terms = terms_of(step, policy);
    std::vector<std::string> effects;
    for (const Action action : step.actions) {
        effects.push_back((effects.empty() ? "" : "if that was not enough: ") +
                          effect_of(action, step, terms));
    }
    return effects;
}

}  // namespace unwait
