// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "disposable_process.hpp"
#include "fd.hpp"
#include "processors.hpp"

namespace unwait::ptrace {
namespace {

/// The most microseconds that a processor may take to awake, as the kernel has it now.
std::optional<std::int32_t> most_wakeup_latency() {
    const sys::Fd device(::open("/dev/cpu_dma_latency", O_RDONLY | O_CLOEXEC));
    std::int32_t latency = 0;
    if (!device || ::read(device.get(), &latency, sizeof latency) != sizeof latency) return {};
    return latency;
}

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

TEST_CASE("no processor sleeps deeply while a thread may be held, and all may afterwards") {
    const auto before = most_wakeup_latency();
    struct Seen {
        std::optional<std::int32_t> latency;
        std::array<char, 80> refusal;
    };
    const auto seen = share_record<Seen>();
    for (const auto& [priority, within] :
         {std::pair{Priority::above_all, before ? std::optional(0) : before},
          {Priority::ordinary, before}}) {
        for (const bool is_killed : {false, true}) {
            const auto body = [&] {
                seen->latency = most_wakeup_latency();
                if (is_killed) ::raise(SIGKILL);
            };
            CHECK(run_disposable(body, seen->refusal, priority) != is_killed);
            CHECK(seen->latency == within);
            CHECK(most_wakeup_latency() == before);
        }
    }
}

}  // namespace
}  // namespace unwait::ptrace
