// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace unwait::sys {

/// Lets this process have as many fds open as it may allow itself (RLIMIT_NOFILE, getrlimit(2));
/// how many these are, 0 where that cannot be told.
std::size_t raise_fd_limit() noexcept;

/// Has the kernel make room for so many more fds now. To do that while several threads use the
/// table takes it milliseconds, each time that it must (expand_fdtable(), fs/file.c).
void make_room_for_fds(std::size_t count) noexcept;

}  // namespace unwait::sys
