// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>

namespace unwait::proc {

/// How many different sockets, of all kinds, the fd table of the process holds. Absent when it may
/// not be read, or the process is gone.
[[nodiscard]] std::optional<std::size_t> count_sockets(pid_t pid);

}  // namespace unwait::proc
