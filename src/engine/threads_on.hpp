// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "unwait/process.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// Whether the thread is blocked in a call on an fd of the holder. Threads with a table of their
/// own are told apart by their tid.
[[nodiscard]] inline bool is_on(const ThreadActivity& thread, const Holder& holder) {
    return std::ranges::any_of(holder.fds, [&](const HeldFd& held) {
        const bool is_private = held.tid != holder.process->id.pid && holder.process->state != 'Z';
        return (!is_private || held.tid == thread.tid) &&
               std::ranges::find(thread.fds, held.fd) != thread.fds.end();
    });
}

}  // namespace unwait
