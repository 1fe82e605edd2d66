// SPDX-License-Identifier: MIT
#include "processors.hpp"

#include <doctest/doctest.h>

#include <cstddef>

namespace unwait::testing {

cpu_set_t our_processors() {
    cpu_set_t ours;
    REQUIRE(::sched_getaffinity(0, sizeof ours, &ours) == 0);
    return ours;
}

cpu_set_t some_of(cpu_set_t processors, int count) {
    for (std::size_t at = 0; CPU_COUNT(&processors) > count; ++at) CPU_CLR(at, &processors);
    return processors;
}

Processors::Processors(pid_t tid, const cpu_set_t& processors) : tid_(tid) {
    REQUIRE(::sched_getaffinity(tid_, sizeof before_, &before_) == 0);
    REQUIRE(::sched_setaffinity(tid_, sizeof processors, &processors) == 0);
}

Processors::~Processors() { ::sched_setaffinity(tid_, sizeof before_, &before_); }

}  // namespace unwait::testing
