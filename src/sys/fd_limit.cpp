// SPDX-License-Identifier: MIT
#include "fd_limit.hpp"

#include <sys/resource.h>

namespace unwait::sys {

std::size_t raise_fd_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    const rlimit most{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &most) == 0) limit = most;
    return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace unwait::sys
