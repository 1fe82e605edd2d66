// SPDX-License-Identifier: MIT
#include "tcp_fds.hpp"

#include <fcntl.h>
#include <sys/xattr.h>

#include <array>
#include <string>
#include <string_view>
#include <unordered_set>

#include "directory.hpp"
#include "fd.hpp"
#include "fd_table.hpp"
#include "proc_mount.hpp"
#include "text_scan.hpp"

namespace unwait::proc {
namespace {

bool is_tcp(const std::string& path) {
    std::array<char, 16> name{};
    const ssize_t size =
        ::getxattr(path.c_str(), "system.sockprotoname", name.data(), name.size() - 1);
    const std::string_view protocol(name.data());
    return size > 0 && (protocol == "TCP" || protocol == "TCPv6");
}

}  // namespace

std::vector<TcpFd> find_tcp_fds(const InodeSet& known) {
    std::vector<TcpFd> found;
    std::unordered_set<std::uint64_t> seen;
    const sys::Fd proc = open_proc();
    for (const pid_t pid : list_processes(proc.get())) {
        const std::string path = std::to_string(pid) + "/fd";
        const sys::Fd fds(::openat(proc.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!fds) continue;
        const std::string prefix = "/proc/" + path + "/";
        sys::for_each_numbered(fds.get(), [&](const char* name) {
            const auto inode = socket_at(fds.get(), name);
            if (!inode || known.contains(*inode) || !seen.insert(*inode).second) return;
            if (!is_tcp(prefix + name)) return;
            found.push_back({pid, sys::to_number<int>(name).value_or(-1), *inode});
        });
    }
    return found;
}

}  // namespace unwait::proc
