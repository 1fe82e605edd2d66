// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Text of /proc that more than one adapter reads.
namespace unwait::sys {

/// What proc_pid_stat(5) is read for.
struct Stat {
    pid_t pid = 0;
    std::string command;
    char state = '?';
    pid_t parent = 0;
    std::uint32_t flags = 0;  ///< PF_* of the kernel
    std::uint64_t start_time = 0;

    [[nodiscard]] bool is_kernel_thread() const noexcept { return (flags & 0x00200000U) != 0; }
    /// Exited, though as a thread-group leader it may have live threads.
    [[nodiscard]] bool is_zombie() const noexcept { return state == 'Z' || state == 'X'; }
};

/// What the link of an epoll set's fd leads to.
inline constexpr std::string_view epoll_link = "anon_inode:[eventpoll]";

/// Takes the command between the first '(' and the last ')': it may hold any byte.
[[nodiscard]] std::optional<Stat> parse_stat(std::string_view text);

/// The value of "Name:\tvalue" in /proc/PID/status, blanks trimmed.
[[nodiscard]] std::optional<std::string_view> status_field(std::string_view text,
                                                           std::string_view name);

/// The path of a thread in the hierarchy of a cgroup v1 controller, or in the unified one where
/// `controller` is empty, from /proc/TID/cgroup (cgroups(7)); empty without one.
[[nodiscard]] std::string_view cgroup_path(std::string_view text,
                                           std::string_view controller) noexcept;

/// Without escapes, each of which is `mark` and the code of a character in so many digits of that
/// base.
[[nodiscard]] std::string unescape(std::string_view text, std::string_view mark, std::size_t digits,
                                   int base);

}  // namespace unwait::sys
