// SPDX-License-Identifier: MIT
#include "parallel.hpp"

#include <sched.h>

#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace unwait::sys {

std::size_t usable_processors() noexcept {
    cpu_set_t processors;
    const bool known = ::sched_getaffinity(0, sizeof processors, &processors) == 0;
    return known ? static_cast<std::size_t>(CPU_COUNT(&processors)) : 1;
}

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
    std::vector<std::exception_ptr> failures(count);
    const auto attempt = [&](std::size_t part) {
        try {
            work(part);
        } catch (...) {
            failures[part] = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> helpers;
        helpers.reserve(count);
        std::size_t left = count;
        try {
            for (; left > 1; --left) helpers.emplace_back(attempt, left - 1);
        } catch (const std::system_error&) {
            // Those that did start, and this one, do all the work.
        }
        for (std::size_t part = 0; part < left; ++part) attempt(part);
    }
    for (const std::exception_ptr& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
}

}  // namespace unwait::sys
