// SPDX-License-Identifier: MIT
#include "fd_limit.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

namespace unwait::sys {

TEST_CASE("as many fds may be open as the hard limit allows") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit low{64, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(raise_fd_limit() == before.rlim_max);
    rlimit raised{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &raised) == 0);
    CHECK(raised.rlim_cur == before.rlim_max);
    CHECK(raised.rlim_max == before.rlim_max);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

}  // namespace unwait::sys
