// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "unwait/process.hpp"
#include "unwait/snapshot.hpp"

namespace unwait::proc {

struct HolderScan {
    /// By socket inode; holders by pid, fds by tid and number.
    std::unordered_map<std::uint64_t, std::vector<Holder>> by_inode;
    std::vector<BlindSpot> blind_spots;
};

/// Everyone who holds one of these socket inodes: all processes of /proc, and threads whose fd
/// table is their own (KCMP_FILES), and the threads of a zombie leader. A process that may not be
/// read is a blind spot. `with_use` also fills FdUse and Process::runtime (reads fdinfo and syscall
/// of the holders).
[[nodiscard]] HolderScan scan_holders(std::span<const std::uint64_t> inodes, bool with_use);

/// "socket:[12345]" → 12345.
[[nodiscard]] std::optional<std::uint64_t> parse_socket_link(std::string_view link);

/// The fds that an eventpoll's /proc/PID/fdinfo/N lists ("tfd: …" lines).
[[nodiscard]] std::vector<int> parse_epoll_fdinfo(std::string_view text);

/// The sockets registered with an io_uring, from its fdinfo ("UserFiles: …" and "n: socket:[…]"
/// lines).
[[nodiscard]] std::vector<std::uint64_t> parse_io_uring_fdinfo(std::string_view text);

/// The call a thread is in, from /proc/PID/task/TID/syscall; absent for "running" or malformed
/// text.
struct BlockedCall {
    long number = -1;
    std::array<std::uint64_t, 6> arguments{};
};
[[nodiscard]] std::optional<BlockedCall> parse_syscall(std::string_view text);

/// Whether that inode is behind the fd of that table right now; absent when it may not be read.
[[nodiscard]] std::optional<bool> leads_to(pid_t pid, const HeldFd& held, std::uint64_t inode);

}  // namespace unwait::proc
