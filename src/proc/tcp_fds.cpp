// SPDX-License-Identifier: MIT
#include "tcp_fds.hpp"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <unordered_set>

#include "directory.hpp"
#include "fd.hpp"
#include "proc_mount.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {
namespace {

bool is_tcp(const std::string& path) {
    std::array<char, 16> name{};
    const ssize_t size =
        ::getxattr(path.c_str(), "system.sockprotoname", name.data(), name.size() - 1);
    const std::string_view protocol(name.data());
    return size > 0 && (protocol == "TCP" || protocol == "TCPv6");
}

/// The inode behind an entry of /proc/PID/fd, if that is a socket.
std::uint64_t socket_at(int fds, const char* name) {
    std::array<char, 40> link;
    const ssize_t length = ::readlinkat(fds, name, link.data(), link.size());
    if (length <= 0) return 0;
    return parse_socket_link({link.data(), static_cast<std::size_t>(length)}).value_or(0);
}

}  // namespace

std::vector<TcpFd> find_tcp_fds(const InodeSet& known) {
    std::vector<TcpFd> found;
    std::unordered_set<std::uint64_t> seen;
    const sys::Fd proc = open_proc();
    const int error = sys::for_each_numbered(proc.get(), [&](const char* pid) {
        const std::string path = std::string(pid) + "/fd";
        const sys::Fd fds(::openat(proc.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!fds) return;
        const std::string prefix = "/proc/" + path + "/";
        sys::for_each_numbered(fds.get(), [&](const char* name) {
            const std::uint64_t inode = socket_at(fds.get(), name);
            if (inode == 0 || known.contains(inode) || !seen.insert(inode).second) return;
            if (!is_tcp(prefix + name)) return;
            found.push_back({sys::to_number<pid_t>(pid).value_or(0),
                             sys::to_number<int>(name).value_or(-1), inode});
        });
    });
    if (error != 0) throw Error(error, "list of /proc");
    return found;
}

}  // namespace unwait::proc
