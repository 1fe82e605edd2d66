// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fd.hpp"

namespace unwait::proc {

/// A network namespace, and files that lead to it (namespaces(7)).
struct NetworkPaths {
    std::uint64_t inode = 0;
    std::string name;                ///< below /run/netns and the like, empty when it has none
    pid_t pid = 0;                   ///< the first process in it, 0 when none was found
    std::vector<std::string> paths;  ///< a few, for any of them may be gone when it is opened
};

/// How far to look for them.
enum class Search : std::uint8_t {
    processes,   ///< those of processes, and those that are mounted (ip-netns(8))
    everywhere,  ///< also those of single threads, and those that only an open fd keeps
};

struct NetworkSearch {
    std::vector<NetworkPaths> found;  ///< each once, by inode
    std::size_t denied = 0;           ///< processes that may not be read
};

/// All network namespaces that can be found. A process that ends meanwhile is passed over. Throws
/// Error when /proc cannot be used.
[[nodiscard]] NetworkSearch find_network_namespaces(Search search);

/// A network namespace of a mount: the line of /proc/PID/mountinfo (proc_pid_mountinfo(5)) of a
/// namespace that is mounted on a file. Absent for any other.
struct NamespaceMount {
    std::uint64_t inode = 0;
    std::string path;
};
[[nodiscard]] std::optional<NamespaceMount> parse_namespace_mount(std::string_view line);

/// The file, if it is a network namespace; with the inode given, if it is that one. Absent when it
/// is something else or does not exist; throws Error when it may not be opened.
[[nodiscard]] std::optional<sys::Fd> open_network_namespace(
    const std::string& path, std::optional<std::uint64_t> inode = std::nullopt);

/// The one that a word stands for: the path of its file, which has a slash, or its name as
/// ip-netns(8) or Docker gave it.
[[nodiscard]] std::optional<sys::Fd> open_named_network_namespace(const std::string& word);

/// The first of the files that still leads to it.
[[nodiscard]] std::optional<sys::Fd> open_network_namespace(const NetworkPaths& network);

}  // namespace unwait::proc
