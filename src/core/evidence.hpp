// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "unwait/finding.hpp"
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
    [[nodiscard]] std::vector<const Socket*> listeners_for(const Socket& socket) const;

private:
    const std::vector<Socket>* listeners_;
    std::size_t unreadable_ = 0;
    bool uncounted_ = false;  ///< one blind spot stands for any number of processes
    bool hides_threads_ = false;
    std::set<pid_t> use_unreadable_;
};

/// Whether it is a connection without a file, as one is until accept() makes it.
[[nodiscard]] bool waits_for_accept(const Socket& socket);

/// All that was observed about a socket: its queues and age, then its holders.
[[nodiscard]] std::vector<Evidence> evidence_of(const HeldSocket& held, const Surroundings& around);

}  // namespace unwait
