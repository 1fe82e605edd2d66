// SPDX-License-Identifier: MIT
#include "file_identity.hpp"

#include <linux/kcmp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "unwait/error.hpp"

namespace unwait::sys {
namespace {

long compare(pid_t a, pid_t b, int what, int index_a, int index_b) noexcept {
    return ::syscall(SYS_kcmp, a, b, what, static_cast<unsigned long>(index_a),
                     static_cast<unsigned long>(index_b));
}

Same sameness(long order) noexcept {
    if (order == 0) return Same::yes;
    if (order > 0) return Same::no;  // 1, 2 and 3 all say "different"
    return errno == EBADF || errno == ESRCH ? Same::gone : Same::unknown;
}

}  // namespace

std::optional<std::uint64_t> socket_cookie(int fd) {
    std::uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    if (::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0) return std::nullopt;
    return cookie;
}

std::uint64_t inode_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw Error(errno, "fstat of fd " + std::to_string(fd));
    return status.st_ino;
}

Same same_file(pid_t pid, int theirs, int ours) noexcept {
    // Our thread rather than our process: the number `ours` means what it means to the caller.
    return sameness(compare(pid, ::gettid(), KCMP_FILE, theirs, ours));
}

bool is_closed(pid_t pid, int fd) noexcept {
    return sameness(compare(pid, pid, KCMP_FILE, fd, fd)) == Same::gone;
}

Same same_fd_table(pid_t a, pid_t b) noexcept { return sameness(compare(a, b, KCMP_FILES, 0, 0)); }

std::optional<std::strong_ordering> order_of_fd_tables(pid_t a, pid_t b) noexcept {
    switch (compare(a, b, KCMP_FILES, 0, 0)) {
        case 0:
            return std::strong_ordering::equal;
        case 1:
            return std::strong_ordering::less;
        case 2:
            return std::strong_ordering::greater;
        default:
            return std::nullopt;
    }
}

}  // namespace unwait::sys
