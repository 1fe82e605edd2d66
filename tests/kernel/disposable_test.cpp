// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <sched.h>

#include <array>
#include <stop_token>
#include <thread>

#include "disposable_process.hpp"
#include "processors.hpp"

namespace unwait::ptrace {
namespace {

struct Place {
    int processor;
    cpu_set_t allowed;
    std::array<char, 80> refusal;
};

TEST_CASE("a helper process begins where it is waited for, and is not bound to that") {
    const cpu_set_t allowed = testing::our_processors();
    const auto place = share_record<Place>();
    const std::jthread busy([](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
        }
    });
    constexpr int rounds = 100;
    int beside = 0;
    for (int round = 0; round < rounds; ++round) {
        const int here = ::sched_getcpu();
        REQUIRE(run_disposable(
            [&] {
                place->processor = ::sched_getcpu();
                ::sched_getaffinity(0, sizeof place->allowed, &place->allowed);
            },
            place->refusal));
        beside += place->processor == here ? 1 : 0;
        CHECK(CPU_EQUAL(&place->allowed, &allowed));
        const cpu_set_t after = testing::our_processors();
        CHECK(CPU_EQUAL(&after, &allowed));
    }
    // The scheduler may move either of them at any moment, but hardly ever does.
    CHECK(beside > rounds * 9 / 10);
}

}  // namespace
}  // namespace unwait::ptrace
