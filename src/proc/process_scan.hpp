// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "fd_table.hpp"
#include "known_fd.hpp"
#include "unwait/process.hpp"
#include "unwait/snapshot.hpp"

namespace unwait::proc {

/// What one process holds of what is looked for.
struct ProcessScan {
    struct Held {
        std::uint64_t inode = 0;
        HeldFd fd;

        auto operator<=>(const Held&) const = default;
    };
    std::optional<Process> process;  ///< only of a holder
    std::vector<Held> held;          ///< in order
    std::vector<BlindSpot> blind_spots;
    bool uncompared = false;  ///< its threads may have fd tables of their own
};

/// `proc` is the open /proc. A process that ends meanwhile holds nothing; one that takes over its
/// number is not mistaken for it. Throws Error when our own process lacks something.
[[nodiscard]] ProcessScan scan_process(int proc, pid_t pid, const InodeSet& wanted, bool with_use);

/// The same of one process whose fds are known, all of them. Where they have changed meanwhile it
/// is read anew.
[[nodiscard]] ProcessScan describe_process(int proc, std::span<const sys::KnownFd> fds,
                                           const InodeSet& wanted, bool with_use);

}  // namespace unwait::proc
