// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fd.hpp"
#include "proc_text.hpp"
#include "unwait/process.hpp"

namespace unwait::proc {

/// The soft limit of "Max open files" in /proc/PID/limits; 0 when it is not there, the largest
/// number for "unlimited".
[[nodiscard]] std::uint64_t parse_fd_limit(std::string_view text);

/// "4711\t12\t1", the NSpid of /proc/PID/status: the pid in the innermost PID namespace; 0 when
/// there is only one.
[[nodiscard]] pid_t parse_inner_pid(std::string_view field);

/// Absent when the process is gone. What may not be read stays empty; the runtime is not looked
/// for. A zombie leader is described by one of its live threads.
[[nodiscard]] std::optional<Process> read_process(pid_t pid);
/// The same from an open /proc/PID, which cannot come to mean a later process of that number.
[[nodiscard]] std::optional<Process> read_process_at(int directory);

/// The open /proc/PID/task/TID of a thread that has not exited, the leader's if it can be; absent
/// when there is none.
[[nodiscard]] std::optional<sys::Fd> open_live_thread(int directory);

/// Absent when the thread or process is gone.
[[nodiscard]] std::optional<sys::Stat> read_stat(pid_t pid);
[[nodiscard]] std::optional<sys::Stat> read_stat_at(int directory);

/// Identity only; absent when gone.
[[nodiscard]] std::optional<ProcessId> read_id(pid_t pid);

/// Parent first, up to pid 1.
[[nodiscard]] std::vector<pid_t> ancestors_of(pid_t pid);

/// /proc/sys/kernel/random/boot_id. Throws Error.
[[nodiscard]] std::string boot_id();

/// Inode of /proc/PID/ns/net, 0 when it may not be read or the process is gone.
[[nodiscard]] std::uint64_t netns_of(pid_t pid);

}  // namespace unwait::proc
