// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace unwait::sys {

/// The path of a thread in the hierarchy of a cgroup v1 controller, or in the unified one where
/// `controller` is empty, from /proc/TID/cgroup (cgroups(7)); empty without one.
[[nodiscard]] std::string_view cgroup_path(std::string_view text,
                                           std::string_view controller) noexcept;

/// Whether the freezer of its cgroup keeps a thread from running, or is about to. Only what the
/// kernel shows below /sys/fs/cgroup counts: false may also mean that this cannot be seen.
[[nodiscard]] bool is_frozen(pid_t tid);

}  // namespace unwait::sys
