// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

/// The text of /proc/PID/fdinfo/N (proc_pid_fdinfo(5)).
namespace unwait::proc {

/// Whether the "flags:" line has O_CLOEXEC; absent without such a line.
[[nodiscard]] std::optional<bool> parse_close_on_exec(std::string_view text);

/// One file in an epoll set. The number is the one it was added by: the same file may have another
/// by now, and another file that number. The inode (since Linux 4.13) says which file it is.
struct EpollMember {
    int fd = -1;
    std::optional<std::uint64_t> inode;

    bool operator==(const EpollMember&) const = default;
};
[[nodiscard]] std::vector<EpollMember> parse_epoll_fdinfo(std::string_view text);

/// The sockets registered with an io_uring ("UserFiles: …" and "n: socket:[…]" lines). Older
/// kernels (6.1) write "n: TCP" and do not tell which it is.
struct RegisteredSockets {
    std::vector<std::uint64_t> inodes;
    std::uint64_t unnamed = 0;

    bool operator==(const RegisteredSockets&) const = default;
};
[[nodiscard]] RegisteredSockets parse_io_uring_fdinfo(std::string_view text);

/// How many fds wait to be received from a unix socket ("scm_fds:", Linux 5.11); 0 without that
/// line.
[[nodiscard]] std::uint64_t parse_fds_in_flight(std::string_view text);

}  // namespace unwait::proc
