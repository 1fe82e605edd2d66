// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
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

/// An open directory (O_PATH is not used: it can be listed); absent and errors as read_file.
[[nodiscard]] std::optional<Fd> open_directory(int directory, const char* path);

}  // namespace unwait::sys
