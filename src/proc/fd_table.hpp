// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "known_fd.hpp"

namespace unwait::proc {

/// The inodes that are looked for, made for many quick questions.
class InodeSet {
public:
    explicit InodeSet(std::span<const std::uint64_t> inodes);
    [[nodiscard]] bool contains(std::uint64_t inode) const noexcept;
    /// Without doubles.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    [[nodiscard]] std::size_t slot_of(std::uint64_t inode) const noexcept;
    std::vector<std::uint64_t> slots_;  ///< a power of two, at most half full; 0 is empty
    std::size_t size_ = 0;
};

/// What one fd table holds that matters here.
struct FdTable {
    struct Match {
        int fd = -1;
        std::uint64_t inode = 0;
    };
    enum class Reading : std::uint8_t { complete, denied, gone };

    Reading reading = Reading::gone;
    std::vector<Match> matches;
    std::vector<int> epolls;
    std::vector<int> rings;  ///< io_uring
    std::uint64_t open_fds = 0;
};

/// Reads the table behind "fd" or "task/TID/fd" below an open /proc/PID, one readlinkat(2) for each
/// fd but those that are known, ordered, to lead to what is wanted. Throws Error when our own
/// process lacks something (EMFILE, ENOMEM).
[[nodiscard]] FdTable read_fd_table(int directory, const char* path, const InodeSet& wanted,
                                    std::span<const sys::KnownFd> known = {});

/// "socket:[12345]" → 12345.
[[nodiscard]] std::optional<std::uint64_t> parse_socket_link(std::string_view link);

/// The inode behind an entry of an open /proc/PID/fd, if that is a socket and may be read.
[[nodiscard]] std::optional<std::uint64_t> socket_at(int fds, const char* name);

}  // namespace unwait::proc
