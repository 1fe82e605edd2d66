// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace unwait::sys {

/// Lets this process have as many fds open as it may allow itself (RLIMIT_NOFILE, getrlimit(2));
/// how many these are, 0 where that cannot be told.
std::size_t raise_fd_limit() noexcept;

}  // namespace unwait::sys
