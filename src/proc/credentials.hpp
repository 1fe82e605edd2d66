// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace unwait::proc {

/// What /proc/PID/status says about what a process may do, and what may be done to it.
struct Credentials {
    pid_t process = 0;            ///< that the thread with this number belongs to (Tgid)
    std::uint64_t effective = 0;  ///< capabilities(7); bit N is the one with number N
    std::uint64_t permitted = 0;
    /// Filters that seccomp(2) lets its calls through; -1 in strict mode. Before Linux 5.9 the
    /// number is not told: then 1 for any.
    int filters = 0;
};
[[nodiscard]] Credentials parse_credentials(std::string_view status);

/// Absent when the process is gone. `self` stands for our own.
[[nodiscard]] std::optional<Credentials> read_credentials(const std::string& pid);

/// Whether others of its user may touch it (PR_SET_DUMPABLE). Its files in /proc then belong to its
/// user, else to root: of a process of root they do not tell.
[[nodiscard]] std::optional<bool> is_dumpable(pid_t pid, uid_t uid);

/// The architecture that its program is for: "x86-64", "i386", "x32", "aarch64", "arm", or the
/// number of another one. Empty when it may not be read.
[[nodiscard]] std::string architecture_of(pid_t pid);

}  // namespace unwait::proc
