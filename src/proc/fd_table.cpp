// SPDX-License-Identifier: MIT
#include "fd_table.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <string>

#include "directory.hpp"
#include "fd.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {
namespace {

FdTable::Reading reading_after(int error, const char* path) {
    switch (error) {
        case 0:
            return FdTable::Reading::complete;
        case ENOENT:
        case ESRCH:
            return FdTable::Reading::gone;
        case EACCES:
        case EPERM:
            return FdTable::Reading::denied;
        default:
            throw Error(error, std::string("read of the fd table ") + path + " below /proc/PID");
    }
}

}  // namespace

InodeSet::InodeSet(std::span<const std::uint64_t> inodes)
    : slots_(std::bit_ceil(inodes.size() * 2 + 2)) {
    for (const std::uint64_t inode : inodes) {
        std::uint64_t& slot = slots_[slot_of(inode)];
        if (slot == inode) continue;  // known already, or 0: the inode of nothing
        slot = inode;
        ++size_;
    }
}

std::size_t InodeSet::slot_of(std::uint64_t inode) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    // Inodes are handed out in sequence: the low bits alone spread them well.
    std::size_t slot = inode & mask;
    while (slots_[slot] != 0 && slots_[slot] != inode) slot = (slot + 1) & mask;
    return slot;
}

bool InodeSet::contains(std::uint64_t inode) const noexcept {
    return inode != 0 && slots_[slot_of(inode)] == inode;
}

std::optional<std::uint64_t> parse_socket_link(std::string_view link) {
    return bracketed_number(link, "socket:[");
}

FdTable read_fd_table(int directory, const char* path, const InodeSet& wanted) {
    FdTable table;
    const sys::Fd fds(::openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fds) {
        table.reading = reading_after(errno, path);
        return table;
    }
    bool denied = false;
    const auto visit = [&](const char* name) {
        ++table.open_fds;
        if (denied) return;
        std::array<char, 40> link;  // longer ones are the paths of other files
        const ssize_t length = ::readlinkat(fds.get(), name, link.data(), link.size());
        if (length < 0) {
            denied = errno == EACCES || errno == EPERM;  // otherwise it was closed meanwhile
            return;
        }
        const std::string_view target(link.data(), static_cast<std::size_t>(length));
        if (target.starts_with('s')) {
            const auto inode = parse_socket_link(target);
            if (inode && wanted.contains(*inode)) {
                table.matches.push_back({to_number<int>(name).value_or(-1), *inode});
            }
        } else if (target == "anon_inode:[eventpoll]") {
            table.epolls.push_back(to_number<int>(name).value_or(-1));
        } else if (target == "anon_inode:[io_uring]") {
            table.rings.push_back(to_number<int>(name).value_or(-1));
        }
    };
    const int error = for_each_numbered(fds.get(), visit);
    table.reading = denied ? FdTable::Reading::denied : reading_after(error, path);
    return table;
}

}  // namespace unwait::proc
