// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

/// Questions about files we hold a descriptor of, one system call each.
namespace unwait::sys {

/// SO_COOKIE (Linux 4.12); absent when the fd is no socket.
[[nodiscard]] std::optional<std::uint64_t> socket_cookie(int fd);

/// st_ino of the fd. Throws Error.
[[nodiscard]] std::uint64_t inode_of(int fd);

enum class Same : std::uint8_t { yes, no, gone, unknown };

/// Whether fd `theirs` of process `pid` is the very file that our fd `ours` is (kcmp(2) KCMP_FILE).
/// gone: no such fd or process; unknown: the kernel cannot say (ENOSYS, EPERM).
[[nodiscard]] Same same_file(pid_t pid, int theirs, int ours) noexcept;

/// Whether two threads share one fd table (kcmp(2) KCMP_FILES).
[[nodiscard]] Same same_fd_table(pid_t a, pid_t b) noexcept;

}  // namespace unwait::sys
