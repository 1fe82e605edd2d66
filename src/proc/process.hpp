// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unwait/process.hpp"

namespace unwait::proc {

/// What proc_pid_stat(5) is read for.
struct Stat {
    pid_t pid = 0;
    std::string command;
    char state = '?';
    pid_t parent = 0;
    std::uint32_t flags = 0;  ///< PF_* of the kernel
    std::uint64_t start_time = 0;

    [[nodiscard]] bool is_kernel_thread() const noexcept { return (flags & 0x00200000U) != 0; }
};

/// Takes the command between the first '(' and the last ')': it may hold any byte.
[[nodiscard]] std::optional<Stat> parse_stat(std::string_view text);

/// The value of "Name:\tvalue" in /proc/PID/status, blanks trimmed.
[[nodiscard]] std::optional<std::string_view> status_field(std::string_view text,
                                                           std::string_view name);

/// Unified-hierarchy path of /proc/PID/cgroup ("0::/…"), else the name=systemd one; empty without
/// either.
[[nodiscard]] std::string parse_cgroup(std::string_view text);

/// The systemd unit a cgroup path belongs to: the innermost .service, .scope, … with \xNN escapes
/// kept as systemctl(1) wants them; for user managers the user's unit. Empty when there is none.
[[nodiscard]] std::string unit_of_cgroup(std::string_view path);

/// Absent when the process is gone. What may not be read stays empty.
[[nodiscard]] std::optional<Process> read_process(pid_t pid);

/// Absent when the thread or process is gone.
[[nodiscard]] std::optional<Stat> read_stat(pid_t pid);

/// Identity only; absent when gone.
[[nodiscard]] std::optional<ProcessId> read_id(pid_t pid);

/// Parent first, up to pid 1.
[[nodiscard]] std::vector<pid_t> ancestors_of(pid_t pid);

/// /proc/sys/kernel/random/boot_id. Throws Error.
[[nodiscard]] std::string boot_id();

/// Inode of /proc/PID/ns/net, 0 when it may not be read or the process is gone.
[[nodiscard]] std::uint64_t netns_of(pid_t pid);

}  // namespace unwait::proc
