// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <compare>
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

/// Whether nothing is open at this number in the process or thread; false also where the kernel
/// cannot say.
[[nodiscard]] bool is_closed(pid_t pid, int fd) noexcept;

/// Whether two threads share one fd table (kcmp(2) KCMP_FILES).
[[nodiscard]] Same same_fd_table(pid_t a, pid_t b) noexcept;

/// The same question, with the kernel's own order for an answer, which allows to sort and search
/// tables for as long as they live. Absent where same_fd_table says gone or unknown.
[[nodiscard]] std::optional<std::strong_ordering> order_of_fd_tables(pid_t a, pid_t b) noexcept;

}  // namespace unwait::sys
