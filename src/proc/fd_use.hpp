// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "fd_table.hpp"
#include "unwait/process.hpp"

namespace unwait::proc {

/// How an application uses the fds of one table: the members of its epoll sets and io_urings, and
/// what its threads wait for.
class TableUse {
public:
    /// `directory` is an open /proc/PID, `threads` all that use the table, the first of them alive.
    [[nodiscard]] static TableUse read(int directory, std::span<const pid_t> threads,
                                       const FdTable& table);

    [[nodiscard]] FdUse of(const FdTable::Match& held) const;
    /// False when something could not be read, so that more uses may exist.
    [[nodiscard]] bool is_complete() const noexcept { return complete_; }

private:
    void read_epoll(int directory, pid_t tid, int epoll);
    void read_ring(int directory, pid_t tid, int ring);
    void read_blocked_call(int directory, pid_t tid);
    void sort();

    std::vector<std::uint64_t> epoll_inodes_;  // all sorted once read
    std::vector<int> epoll_fds_;               // of members without an inode
    std::vector<std::uint64_t> ring_inodes_;
    std::vector<int> awaited_fds_;
    bool has_event_loop_ = false;
    bool complete_ = true;
};

}  // namespace unwait::proc
