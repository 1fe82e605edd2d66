// SPDX-License-Identifier: MIT
#include "socket_count.hpp"

#include <fcntl.h>

#include <cstdint>
#include <set>
#include <string>

#include "directory.hpp"
#include "fd.hpp"
#include "fd_table.hpp"

namespace unwait::proc {

std::optional<std::size_t> count_sockets(pid_t pid) {
    const std::string path = "/proc/" + std::to_string(pid) + "/fd";
    const sys::Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return std::nullopt;
    std::set<std::uint64_t> inodes;
    const int error = sys::for_each_numbered(directory.get(), [&](const char* name) {
        if (const auto inode = socket_at(directory.get(), name)) inodes.insert(*inode);
    });
    if (error != 0) return std::nullopt;
    return inodes.size();
}

}  // namespace unwait::proc
