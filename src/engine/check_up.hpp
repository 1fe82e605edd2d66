// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "checkup.hpp"

namespace unwait {

/// Finds out what works on this machine, and on the processes of the request, and what does not:
/// the kernel first, then our privileges, then the processes in the order of their pids. Sockets
/// and processes of our own are made for it and ended again; a thread of each process is held for a
/// few dozen microseconds, as ptrace::rehearse() says. Throws Error when /proc cannot be used.
[[nodiscard]] std::vector<Check> check_up(const CheckupRequest& request);

}  // namespace unwait
