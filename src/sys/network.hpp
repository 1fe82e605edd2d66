// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

namespace unwait::sys {

/// Runs `body` in a thread of its own that has entered a network namespace (setns(2), which needs
/// CAP_SYS_ADMIN), and waits for it; our own threads stay where they are. Throws Error when it may
/// not be entered, and what `body` throws.
void in_network(int namespace_fd, const std::function<void()>& body);

}  // namespace unwait::sys
