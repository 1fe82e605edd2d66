// SPDX-License-Identifier: MIT
#include "fd_links.hpp"

#include <fcntl.h>

#include <string>

#include "fd_table.hpp"
#include "file.hpp"
#include "file_identity.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {

FdLinks::FdLinks(pid_t pid, pid_t tid) : tid_(tid) {
    const std::string path =
        "/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/fd";
    try {
        directory_ = sys::open_directory(AT_FDCWD, path.c_str());
    } catch (const Error& error) {
        if (!error.is_denial()) throw;
        denied_ = true;
    }
}

std::optional<bool> FdLinks::leads_to(int fd, std::uint64_t inode) const {
    if (denied_) return std::nullopt;
    // Said by number, and sooner than the link could be read: a number that has come to mean
    // another process is none of this one's either.
    if (!directory_ || sys::is_closed(tid_, fd)) return false;
    try {
        const auto link = sys::read_link(directory_->get(), std::to_string(fd).c_str());
        return link && parse_socket_link(*link) == inode;
    } catch (const Error& error) {
        if (error.is_denial()) return std::nullopt;
        throw;
    }
}

}  // namespace unwait::proc
