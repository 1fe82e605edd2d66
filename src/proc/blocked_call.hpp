// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "unwait/snapshot.hpp"

namespace unwait::proc {

/// The call a thread waits in, from /proc/PID/task/TID/syscall; absent for "running", for a thread
/// stopped outside of any call ("-1 …") and for malformed text.
struct BlockedCall {
    long number = -1;
    std::array<std::uint64_t, 6> arguments{};

    bool operator==(const BlockedCall&) const = default;
};
[[nodiscard]] std::optional<BlockedCall> parse_syscall(std::string_view text);

/// What such a call waits for, if it waits for one thing.
[[nodiscard]] Keeper::Waits waits_of(const BlockedCall& call);

/// The fds that such a call waits for, as far as they are arguments or listed in the caller's
/// memory (poll, select; read by process_vm_readv(2)). Absent when that memory may not be read.
/// An epoll set is not looked into. For calls of our own architecture.
[[nodiscard]] std::optional<std::vector<int>> fds_awaited(pid_t tid, const BlockedCall& call);

}  // namespace unwait::proc
