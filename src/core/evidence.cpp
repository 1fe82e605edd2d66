// SPDX-License-Identifier: MIT
#include "evidence.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "notes.hpp"
#include "sentence.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

void note_received(Notes& notes, const Socket& socket) {
    const std::string queue = "Recv-Q " + std::to_string(socket.recv_queue) + ": ";
    if (const std::uint32_t unread = unread_bytes(socket); unread > 0) {
        notes.add(evidence_code::data_unread,
                  queue + counted(unread, "byte is", "bytes are") + " unread; closing loses them" +
                      (socket.state == TcpState::closed ? "" : " and sends RST instead of FIN"));
    } else if (socket.state != TcpState::close_wait) {
        return;
    } else if (socket.recv_queue > 0) {
        notes.add(evidence_code::fin_unread,
                  queue + "only the peer's FIN is unread; nobody has read since the peer left");
    } else {
        notes.add(evidence_code::all_read, queue + "everything that arrived has been read");
    }
}

void note_sent(Notes& notes, const HeldSocket& held) {
    const std::uint32_t queue = held.socket.send_queue;
    if (held.sending) {
        notes.add(evidence_code::still_sending,
                  "Send-Q " + std::to_string(queue) + " and moving: the peer still takes data");
    } else if (queue > 0) {
        notes.add(evidence_code::send_queue, "Send-Q " + std::to_string(queue) + ": " +
                                                 counted(queue, "byte", "bytes") +
                                                 " unsent or unacknowledged, and nothing moves");
    }
}

void note_idle(Notes& notes, const Socket& socket) {
    if (const auto idle = idle_ms(socket)) {
        notes.add(evidence_code::idle,
                  "nothing came from the peer for " +
                      format_duration(std::chrono::milliseconds{static_cast<std::int64_t>(*idle)}));
    } else {
        notes.add(evidence_code::idle_unknown, "the kernel does not say how long it has been idle");
    }
}

/// What the socket itself shows.
void note_socket(Notes& notes, const HeldSocket& held) {
    const Socket& socket = held.socket;
    if (socket.state == TcpState::listening) {
        notes.add(evidence_code::accept_queue, std::to_string(socket.recv_queue) + " of " +
                                                   std::to_string(socket.send_queue) +
                                                   " connections wait for accept()");
    } else {
        note_received(notes, socket);
        note_sent(notes, held);
        note_idle(notes, socket);
    }
    if (is_dead(held.socket, held.holders)) {
        notes.add(evidence_code::dead,
                  "its connection is over (a reset, or destroyed as by ss -K), and the kernel no "
                  "longer knows the peer: only the fd is left");
    } else if (socket.state != TcpState::close_wait) {
        notes.add(evidence_code::in_use,
                  "being " + std::string{word(socket.state)} + " alone is no sign of being stuck");
    }
}

void note_use(Notes& notes, const Holder& holder, const HeldFd& held) {
    // Of most of a hundred thousand there is nothing to say.
    const auto fd = [&] {
        return "fd " + std::to_string(held.fd) + " of " + named(*holder.process);
    };
    const pid_t pid = holder.process->id.pid;
    if (held.tid != pid && holder.process->state == 'Z') {
        notes.add(evidence_code::zombie_leader, fd() + ": the first thread has ended, thread " +
                                                    std::to_string(held.tid) + " still holds it");
    } else if (held.tid != pid) {
        notes.add(evidence_code::private_fd_table, fd() + " is in an fd table that only thread " +
                                                       std::to_string(held.tid) + " uses");
    }
    if (held.use.in_epoll) {
        notes.add(evidence_code::epoll, fd() + " is in an epoll set");
    }
    if (held.use.in_io_uring) {
        notes.add(evidence_code::io_uring, fd() + " is registered with an io_uring");
    }
    if (held.use.beside_event_loop && !held.use.in_epoll && !held.use.in_io_uring) {
        notes.add(evidence_code::event_loop,
                  fd() + " is not watched by the event loop of its process just now");
    }
    if (held.use.thread_blocked) {
        notes.add(evidence_code::blocked_thread, "a thread is blocked in a call on " + fd());
    }
}

void note_holder(Notes& notes, const Holder& holder, const Surroundings& around) {
    const Process& process = *holder.process;
    if (holder.fds.size() > 1) {
        notes.add(evidence_code::several_fds,
                  named(process) + " holds it by " + counted(holder.fds.size(), "fd", "fds"));
    }
    for (const HeldFd& held : holder.fds) {
        note_use(notes, holder, held);
    }
    if (around.hides_use_by(process.id.pid)) {
        notes.add(evidence_code::use_unreadable,
                  "how " + named(process) + " uses its fds could not be read");
    }
    if (process.runtime != Runtime::native) {
        notes.add(evidence_code::runtime, named(process) + " is a " +
                                              std::string{word(process.runtime)} +
                                              " program: its objects may close a number late");
    }
    if (process.tracer != 0) {
        notes.add(evidence_code::traced,
                  named(process) + " is traced by pid " + std::to_string(process.tracer));
    }
    if (!process.no_duplicates.empty()) {
        notes.add(evidence_code::no_duplicates, process.no_duplicates);
    }
    if (!process.no_injection.empty()) {
        notes.add(evidence_code::no_injection, process.no_injection);
    }
}

/// Who holds it, or why nobody is known to.
void note_holders(Notes& notes, const HeldSocket& held, const Surroundings& around) {
    if (around.netns() != 0 && held.socket.id.netns != around.netns()) {
        notes.add(evidence_code::foreign_netns,
                  "it is in network namespace " + std::to_string(held.socket.id.netns) +
                      ", not in that of unwait: tools that run here do not show it");
    }
    if (waits_for_accept(held.socket)) {
        note_backlog(notes, held.socket, around);
    }
    if (held.socket.id.inode == 0) {
        return;  // no process can be missing from the answer
    }
    if (held.holders.empty()) {
        note_keepers(notes, held.socket, around);
        return;
    }
    if (held.holders.size() > 1) {
        note_sharing(notes, held, around);
    }
    if (is_elsewhere(held)) {
        notes.add(evidence_code::other_netns,
                  named(held.holders) + (held.holders.size() == 1 ? " is" : " are") +
                      " in another network namespace than the socket: tools that run there do "
                      "not show it");
    }
    for (const Holder& holder : held.holders) {
        note_holder(notes, holder, around);
    }
    if (around.hides_holders()) {
        notes.add(evidence_code::others_unreadable,
                  around.what_is_hidden() + " and may hold it too");
    }
}

}  // namespace

bool is_dead(const Socket& socket, std::span<const Holder> holders) {
    return socket.state == TcpState::closed && !holders.empty();
}

bool is_elsewhere(const HeldSocket& held) {
    return !held.holders.empty() &&
           std::ranges::all_of(held.holders, [&held](const Holder& holder) {
               const std::uint64_t netns = holder.process->netns;
               return netns != 0 && netns != held.socket.id.netns;
           });
}

bool waits_for_accept(const Socket& socket) {
    constexpr StateMask states = mask_of(TcpState::established) | mask_of(TcpState::close_wait);
    return socket.id.inode == 0 && (mask_of(socket.state) & states) != 0;
}

std::vector<Evidence> evidence_of(const HeldSocket& held, const Surroundings& around) {
    Notes notes;
    note_socket(notes, held);
    note_holders(notes, held, around);
    return notes.take();
}

}  // namespace unwait
