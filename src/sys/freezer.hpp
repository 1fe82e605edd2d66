// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

namespace unwait::sys {

/// Whether the freezer of its cgroup keeps a thread from running, or is about to. Only what the
/// kernel shows below /sys/fs/cgroup counts: false may also mean that this cannot be seen.
[[nodiscard]] bool is_frozen(pid_t tid);

}  // namespace unwait::sys
