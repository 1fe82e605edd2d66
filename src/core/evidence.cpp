// SPDX-License-Identifier: MIT
#include "evidence.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "sentence.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

class Notes {
public:
    void add(std::string_view code, std::string text) {
        evidence_.push_back({std::string{code}, std::move(text)});
    }
    [[nodiscard]] std::vector<Evidence> take() { return std::move(evidence_); }

private:
    std::vector<Evidence> evidence_;
};

bool is_wildcard(const Address& address) { return address.bytes == Address{}.bytes; }

/// The IPv4 address inside a v4-mapped one; any other address as it is.
Address unmapped(const Address& address) {
    constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (address.family == Family::inet ||
        !std::equal(prefix.begin(), prefix.end(), address.bytes.begin())) {
        return address;
    }
    Address inet{Family::inet, {}};
    std::copy(address.bytes.begin() + prefix.size(), address.bytes.end(), inet.bytes.begin());
    return inet;
}

void note_received(Notes& notes, const Socket& socket) {
    const std::string queue = "Recv-Q " + std::to_string(socket.recv_queue) + ": ";
    if (const std::uint32_t unread = unread_bytes(socket); unread > 0) {
        notes.add(evidence_code::data_unread,
                  queue + counted(unread, "byte is", "bytes are") +
                      " unread; closing loses them and sends RST instead of FIN");
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

void note_backlog(Notes& notes, const Socket& socket, const Surroundings& around) {
    const auto listeners = around.listeners_for(socket);
    std::string text = "no file belongs to it: it was never accepted; ";
    if (listeners.empty()) {
        text += "no listener was found for " + format_endpoint(socket.local);
    }
    for (const Socket* listener : listeners) {
        text += (listener == listeners.front() ? "" : "; ") + std::string{"listener "} +
                format_endpoint(listener->local) + " has " + std::to_string(listener->recv_queue) +
                " of " + std::to_string(listener->send_queue) + " waiting for accept()";
    }
    notes.add(evidence_code::backlog, std::move(text));
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
    if (socket.state != TcpState::close_wait) {
        notes.add(evidence_code::in_use,
                  "being " + std::string{word(socket.state)} + " alone is no sign of being stuck");
    }
}

void note_use(Notes& notes, const Holder& holder, const HeldFd& held) {
    const std::string fd = "fd " + std::to_string(held.fd) + " of " + named(*holder.process);
    const pid_t pid = holder.process->id.pid;
    if (held.tid != pid && holder.process->state == 'Z') {
        notes.add(evidence_code::zombie_leader, fd + ": the first thread has ended, thread " +
                                                    std::to_string(held.tid) + " still holds it");
    } else if (held.tid != pid) {
        notes.add(evidence_code::private_fd_table,
                  fd + " is in an fd table that only thread " + std::to_string(held.tid) + " uses");
    }
    if (held.use.in_epoll) {
        notes.add(evidence_code::epoll, fd + " is in an epoll set");
    }
    if (held.use.in_io_uring) {
        notes.add(evidence_code::io_uring, fd + " is registered with an io_uring");
    }
    if (held.use.beside_event_loop && !held.use.in_epoll && !held.use.in_io_uring) {
        notes.add(evidence_code::event_loop,
                  fd + " is not watched by the event loop of its process just now");
    }
    if (held.use.thread_blocked) {
        notes.add(evidence_code::blocked_thread, "a thread is blocked in a call on " + fd);
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
    if (waits_for_accept(held.socket)) {
        note_backlog(notes, held.socket, around);
    }
    if (held.socket.id.inode == 0) {
        return;  // no process can be missing from the answer
    }
    if (held.holders.empty()) {
        if (around.hides_holders()) {
            notes.add(evidence_code::holder_unreadable,
                      "no process that can be read holds it; " + around.what_is_hidden());
        } else {
            notes.add(evidence_code::no_holder,
                      "no fd of any process leads to it: it may be in flight inside a unix socket, "
                      "pinned by a blocked call, or used by the kernel");
        }
        return;
    }
    if (held.holders.size() > 1) {
        notes.add(evidence_code::shared,
                  counted(held.holders.size(), "process holds", "processes hold") + " it, " +
                      named(held.holders) + ": it closes when the last one lets go");
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

Surroundings::Surroundings(const Snapshot& snapshot) : listeners_(&snapshot.listeners) {
    for (const BlindSpot& spot : snapshot.blind_spots) {
        if (spot.code == blind_spot::process_unreadable) {
            ++unreadable_;
            uncounted_ = uncounted_ || spot.pid == 0;
        } else if (spot.code == blind_spot::threads_unreadable) {
            hides_threads_ = true;
        } else if (spot.code == blind_spot::use_unreadable) {
            use_unreadable_.insert(spot.pid);
        }
    }
}

std::string Surroundings::what_is_hidden() const {
    std::vector<std::string> parts;
    if (unreadable_ > 0) {
        parts.push_back(uncounted_ ? "some processes"
                                   : counted(unreadable_, "process", "processes"));
    }
    if (hides_threads_) {
        parts.emplace_back("the fd tables of some threads");
    }
    return enumerated(parts) + " could not be read";
}

std::vector<const Socket*> Surroundings::listeners_for(const Socket& socket) const {
    std::vector<const Socket*> exact;
    std::vector<const Socket*> wildcard;
    const Address local = unmapped(socket.local.address);
    for (const Socket& listener : *listeners_) {
        const Address address = unmapped(listener.local.address);
        if (listener.local.port != socket.local.port || listener.id.netns != socket.id.netns) {
            continue;
        }
        if (address == local) {
            exact.push_back(&listener);
        } else if (is_wildcard(address) &&
                   (listener.family == Family::inet6 || local.family == Family::inet)) {
            wildcard.push_back(&listener);
        }
    }
    return exact.empty() ? wildcard : exact;
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
