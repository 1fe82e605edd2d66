// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace unwait::proc {

/// The path in the unified hierarchy from /proc/PID/cgroup ("0::/…"); the one of name=systemd where
/// that hierarchy is absent or not in use ("0::/" on cgroup v1); empty without either.
[[nodiscard]] std::string parse_cgroup(std::string_view text);

/// The systemd unit a cgroup path belongs to: the innermost component that names a unit other than
/// a slice, with its \xNN escapes as systemctl(1) wants them. Below a user manager that is the
/// user's unit. Empty when there is none.
[[nodiscard]] std::string unit_of_cgroup(std::string_view path);

}  // namespace unwait::proc
