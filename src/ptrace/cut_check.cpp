// SPDX-License-Identifier: MIT
#include "cut_check.hpp"

#include <array>
#include <cerrno>

#include "file.hpp"
#include "text_scan.hpp"

namespace unwait::ptrace {

namespace {

sys::Same leads_to_inode(pid_t table, int fd, std::uint64_t inode) noexcept {
    std::array<char, 64> target{};
    const auto link = sys::read_fd_link(table, fd, target);
    if (link.empty()) {
        return errno == ENOENT || errno == ESRCH ? sys::Same::gone : sys::Same::unknown;
    }
    return sys::bracketed_number(link, "socket:[") == inode ? sys::Same::yes : sys::Same::no;
}

}  // namespace

sys::Same leads_to_file(pid_t table, const Cut& cut) noexcept {
    if (cut.reference >= 0) {
        const auto same = sys::same_file(table, cut.fd, cut.reference);
        if (same != sys::Same::unknown) return same;
    }
    if (cut.inode == 0) return sys::Same::unknown;
    return leads_to_inode(table, cut.fd, cut.inode);
}

bool leads_elsewhere(pid_t table, const Cut& cut) noexcept {
    const auto same = leads_to_file(table, cut);
    return same == sys::Same::no || same == sys::Same::gone;
}

}  // namespace unwait::ptrace
