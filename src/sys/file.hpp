// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fd.hpp"

namespace unwait::sys {

/// The whole of a small file (/proc, /sys, /etc). Absent when it does not exist or its process is
/// gone (ENOENT, ESRCH, ENOTDIR); throws Error otherwise, EACCES and EPERM included. At most
/// `limit` bytes are read. `directory` is an open directory or AT_FDCWD.
[[nodiscard]] std::optional<std::string> read_file(int directory, const char* path,
                                                   std::size_t limit = 1U << 20);
[[nodiscard]] std::optional<std::string> read_file(const std::string& path,
                                                   std::size_t limit = 1U << 20);

/// The target of a symbolic link; absent and errors as read_file.
[[nodiscard]] std::optional<std::string> read_link(int directory, const char* path);
[[nodiscard]] std::optional<std::string> read_link(const std::string& path);

/// The same without a word about denials: empty when it is absent or may not be read (EACCES,
/// EPERM).
[[nodiscard]] std::string text_or_empty(int directory, const std::string& path,
                                        std::size_t limit = 1U << 20);
[[nodiscard]] std::string link_or_empty(int directory, const std::string& path);

/// The text of a file that somebody may have put anything in the place of. It is no link, no
/// link on the way leads out of the directory `root`, and nothing but a regular file of root or of
/// `owner` is opened: no FIFO is waited for, and no device begins to work. Empty when there is no
/// such file, or none that may be read, or no openat2(2) (Linux 5.6).
[[nodiscard]] std::string foreign_text(int root, const char* path, uid_t owner, std::size_t limit);

/// As much of /proc/PID/`name` as there is room for, without an allocation; empty when it cannot be
/// read.
[[nodiscard]] std::string_view read_proc_file(pid_t pid, const char* name,
                                              std::span<char> into) noexcept;

/// As much of the target of /proc/PID/fd/`fd` as there is room for, without an allocation; empty,
/// with errno set, when it cannot be read.
[[nodiscard]] std::string_view read_fd_link(pid_t pid, int fd, std::span<char> into) noexcept;

/// An open directory (O_PATH is not used: it can be listed); absent and errors as read_file.
[[nodiscard]] std::optional<Fd> open_directory(int directory, const char* path);

}  // namespace unwait::sys
