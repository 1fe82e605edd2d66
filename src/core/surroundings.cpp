// SPDX-License-Identifier: MIT
#include "surroundings.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "sentence.hpp"

namespace unwait {
namespace {

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

/// Whether the call could be blocked on a socket like that.
bool may_block(const Keeper& thread, const Socket& socket) {
    if (thread.netns != 0 && thread.netns != socket.id.netns) {
        return false;
    }
    switch (thread.waits) {
        case Keeper::Waits::to_read:  // data, and a FIN too, would have woken it
            return socket.recv_queue == 0 && socket.state != TcpState::close_wait;
        case Keeper::Waits::to_write:
            return socket.send_queue > 0;
        case Keeper::Waits::any:
            break;
    }
    return true;
}

}  // namespace

bool is_certain(const Keeper& keeper) { return keeper.inode != 0; }

bool is_vague(const Keeper& keeper) {
    return !is_certain(keeper) && keeper.kind != Keeper::Kind::blocked_thread;
}

Surroundings::Surroundings(const Snapshot& snapshot) : snapshot_(&snapshot) {
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

std::vector<const HeldSocket*> Surroundings::listeners_for(const Socket& socket) const {
    std::vector<const HeldSocket*> exact;
    std::vector<const HeldSocket*> wildcard;
    const Address local = unmapped(socket.local.address);
    for (const HeldSocket& held : snapshot_->listeners) {
        const Socket& listener = held.socket;
        const Address address = unmapped(listener.local.address);
        if (listener.local.port != socket.local.port || listener.id.netns != socket.id.netns) {
            continue;
        }
        if (address == local) {
            exact.push_back(&held);
        } else if (is_wildcard(address) &&
                   (listener.family == Family::inet6 || local.family == Family::inet)) {
            wildcard.push_back(&held);
        }
    }
    return exact.empty() ? wildcard : exact;
}

std::vector<const Keeper*> Surroundings::keepers_of(const Socket& socket) const {
    std::vector<const Keeper*> certain;
    std::vector<const Keeper*> blocked;
    std::vector<const Keeper*> carriers;
    for (const Keeper& keeper : snapshot_->keepers) {
        if (is_certain(keeper)) {
            if (keeper.inode == socket.id.inode) {
                certain.push_back(&keeper);
            }
        } else if (is_vague(keeper)) {
            carriers.push_back(&keeper);
        } else if (may_block(keeper, socket)) {
            blocked.push_back(&keeper);
        }
    }
    return !certain.empty() ? certain : !blocked.empty() ? blocked : carriers;
}

std::vector<const ThreadActivity*> Surroundings::threads_of(pid_t pid) const {
    std::vector<const ThreadActivity*> threads;
    for (const ThreadActivity& thread : snapshot_->acceptors) {
        if (thread.pid == pid) {
            threads.push_back(&thread);
        }
    }
    return threads;
}

}  // namespace unwait
