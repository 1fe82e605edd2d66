// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "unwait/snapshot.hpp"

namespace unwait {

/// What a snapshot says beside its sockets, prepared once for all of them. Refers to the snapshot.
class Surroundings {
public:
    explicit Surroundings(const Snapshot& snapshot);

    /// Whether something could not be read, so that a holder may be missing.
    [[nodiscard]] bool hides_holders() const noexcept { return unreadable_ > 0 || hides_threads_; }
    /// "3 processes could not be read".
    [[nodiscard]] std::string what_is_hidden() const;
    [[nodiscard]] bool hides_use_by(pid_t pid) const { return use_unreadable_.contains(pid); }
    /// The listeners that a connection with this local end waits for, an exact address first.
    [[nodiscard]] std::vector<const HeldSocket*> listeners_for(const Socket& socket) const;
    /// What may keep a socket without a holder open: what is known to, else threads that fit, else
    /// all that carries fds to nobody knows which file.
    [[nodiscard]] std::vector<const Keeper*> keepers_of(const Socket& socket) const;
    /// What the threads of that process do, when it should accept connections.
    [[nodiscard]] std::vector<const ThreadActivity*> threads_of(pid_t pid) const;
    /// Network namespace that was looked into.
    [[nodiscard]] std::uint64_t netns() const noexcept { return snapshot_->netns; }
    [[nodiscard]] std::uint64_t uptime_ticks() const noexcept { return snapshot_->uptime_ticks; }

private:
    const Snapshot* snapshot_;
    std::size_t unreadable_ = 0;
    bool uncounted_ = false;  ///< one blind spot stands for any number of processes
    bool hides_threads_ = false;
    std::set<pid_t> use_unreadable_;
};

/// Whether the keeper is known to keep this very socket.
[[nodiscard]] bool is_certain(const Keeper& keeper);

/// Whether it is just as likely that it keeps another.
[[nodiscard]] bool is_vague(const Keeper& keeper);

}  // namespace unwait
