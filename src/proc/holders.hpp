// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "known_fd.hpp"
#include "unwait/process.hpp"
#include "unwait/snapshot.hpp"

namespace unwait::proc {

struct HolderScan {
    /// By socket inode; holders by pid, fds by tid and number.
    std::unordered_map<std::uint64_t, std::vector<Holder>> by_inode;
    std::vector<BlindSpot> blind_spots;  ///< by pid
};

/// Everyone who holds one of these socket inodes: all processes of /proc, and threads whose fd
/// table is their own (KCMP_FILES), and the threads of a zombie leader. A process that may not be
/// read is a blind spot. `with_use` also fills HeldFd::use and Process::runtime
/// (reads fdinfo, syscall and maps of the holders). Without inodes nothing is
/// read. Throws Error when /proc cannot be used.
[[nodiscard]] HolderScan scan_holders(std::span<const std::uint64_t> inodes, bool with_use);

/// The same, of holders that are known already: all of them, ordered. Reads no more of /proc than
/// describes them.
[[nodiscard]] HolderScan describe_holders(std::span<const sys::KnownFd> known,
                                          std::span<const std::uint64_t> inodes, bool with_use);

/// FD_CLOEXEC of an fd of that table; false when it cannot be read.
[[nodiscard]] bool is_close_on_exec(pid_t pid, const HeldFd& held);

}  // namespace unwait::proc
