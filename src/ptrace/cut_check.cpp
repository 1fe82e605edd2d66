// SPDX-License-Identifier: MIT
#include "cut_check.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "text_scan.hpp"

namespace unwait::ptrace {

namespace {

sys::Same leads_to_inode(pid_t table, int fd, std::uint64_t inode) noexcept {
    std::array<char, 64> path{};
    std::array<char, 64> target{};
    std::snprintf(path.data(), path.size(), "/proc/%d/fd/%d", table, fd);
    const auto size = ::readlink(path.data(), target.data(), target.size());
    if (size < 0) return errno == ENOENT || errno == ESRCH ? sys::Same::gone : sys::Same::unknown;
    const std::string_view link(target.data(), static_cast<std::size_t>(size));
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
