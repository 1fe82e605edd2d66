// SPDX-License-Identifier: MIT
#include "cut_check.hpp"

#include <fcntl.h>
#include <poll.h>

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

std::bitset<polled_together> find_renewed(std::span<const Cut> cuts) noexcept {
    std::array<pollfd, polled_together> asked{};
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        asked[i] = {cuts[i].past ? cuts[i].reference : -1, POLLRDHUP, 0};
    }
    while (::poll(asked.data(), cuts.size(), 0) < 0 && errno == EINTR) {
    }
    std::bitset<polled_together> renewed;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        // POLLRDHUP or POLLHUP comes with the end of a connection, and goes with the next one only.
        // Of what cannot be asked nothing is known to be past.
        renewed[i] = asked[i].fd >= 0 && asked[i].revents == 0;
    }
    return renewed;
}

void fetch_files(std::span<const Cut> cuts) noexcept {
    for (const Cut& cut : cuts) {
        if (cut.reference < 0) continue;
        static_cast<void>(::fcntl(cut.reference, F_GETOWN));  // the file, and its owner
        // The mode of the inode; no advice has a length below 0 (EINVAL).
        static_cast<void>(::posix_fadvise(cut.reference, 0, -1, POSIX_FADV_NORMAL));
        static_cast<void>(::fcntl(cut.reference, F_GETLEASE));  // the locks of the inode
    }
}

}  // namespace unwait::ptrace
