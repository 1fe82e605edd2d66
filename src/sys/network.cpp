// SPDX-License-Identifier: MIT
#include "network.hpp"

#include <sched.h>

#include <cerrno>
#include <exception>
#include <thread>

#include "unwait/error.hpp"

namespace unwait::sys {

void in_network(int namespace_fd, const std::function<void()>& body) {
    std::exception_ptr failure;
    std::thread helper([&] {
        try {
            if (::setns(namespace_fd, CLONE_NEWNET) != 0) {
                throw Error(errno, "setns into a network namespace");
            }
            body();
        } catch (...) {
            failure = std::current_exception();
        }
    });
    helper.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace unwait::sys
