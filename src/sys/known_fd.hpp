// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>

namespace unwait::sys {

/// An fd that leads to a socket, and the table it is in: that of the first thread that uses it.
struct KnownFd {
    pid_t pid = 0;
    pid_t tid = 0;
    int fd = -1;
    std::uint64_t inode = 0;

    auto operator<=>(const KnownFd&) const = default;
};

}  // namespace unwait::sys
