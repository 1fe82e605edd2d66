// SPDX-License-Identifier: MIT
#include "fd_limit.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include "fd.hpp"

namespace unwait::sys {

std::size_t raise_fd_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    const rlimit most{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &most) == 0) limit = most;
    return static_cast<std::size_t>(limit.rlim_cur);
}

void make_room_for_fds(std::size_t count) noexcept {
    const Fd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!next) return;
    // They begin at the first free number.
    const Fd last(::fcntl(next.get(), F_DUPFD_CLOEXEC, next.get() + static_cast<int>(count)));
}

}  // namespace unwait::sys
