// SPDX-License-Identifier: MIT
#include "parallel.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "hitting.hpp"
#include "operating.hpp"
#include "processors.hpp"
#include "scan.hpp"

namespace unwait::sys {
namespace {

constexpr std::size_t many = 1000;

/// Signals that keep the thread that has made this from going on for a while.
class Interruption {
public:
    Interruption() {
        struct sigaction action {};
        action.sa_handler = [](int) { ::usleep(200); };
        REQUIRE(::sigaction(SIGALRM, &action, &before_) == 0);
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = SIGALRM;
        event._sigev_un._tid = ::gettid();
        REQUIRE(::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0);
    }
    ~Interruption() {
        ::timer_delete(timer_);
        ::sigaction(SIGALRM, &before_, nullptr);
    }
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

    void come_in(std::chrono::microseconds time) const {
        const itimerspec once{.it_interval = {},
                              .it_value = {0, std::chrono::nanoseconds(time).count()}};
        REQUIRE(::timer_settime(timer_, 0, &once, nullptr) == 0);
    }

private:
    struct sigaction before_ {};
    timer_t timer_{};
};

/// How often each piece of work was done.
std::vector<int> counts_of_all(std::size_t worth_a_thread) {
    std::vector<std::atomic<int>> done(many);
    in_parallel(many, worth_a_thread, [&](std::size_t at) { ++done[at]; });
    return {done.begin(), done.end()};
}

/// So many threads at work, all of them begun, for as long as they live.
std::vector<std::jthread> busy_threads(int count) {
    std::vector<std::jthread> busy;
    std::atomic<int> begun = 0;
    for (int i = 0; i < count; ++i) {
        busy.emplace_back([&begun](const std::stop_token& stop) {
            ++begun;
            while (!stop.stop_requested()) {
            }
        });
    }
    while (begun < count) std::this_thread::yield();
    return busy;
}

TEST_CASE("work in parallel is done once, however many threads there are for it") {
    const std::vector<int> once(many, 1);
    CHECK(counts_of_all(1) == once);
    CHECK(counts_of_all(many) == once);
    CHECK(counts_of_all(2 * many) == once);
    CHECK(testing::in_child([&] {
              testing::become_nobody();
              const rlimit no_more{1, 1};
              if (::setrlimit(RLIMIT_NPROC, &no_more) != 0) return 1;
              return counts_of_all(1) == once ? 0 : 2;
          }) == 0);
    in_parallel(0, 1, [](std::size_t) { FAIL("there was nothing to do"); });
}

TEST_CASE("what a part of the work throws is thrown when all have returned") {
    std::atomic<std::size_t> begun = 0;
    std::atomic<std::size_t> returned = 0;
    const auto fail_once = [&](std::size_t at) {
        ++begun;
        if (at == 3) throw std::runtime_error("three");
        ++returned;
    };
    CHECK_THROWS_WITH(in_parallel(many, 1, fail_once), "three");
    CHECK(returned + 1 == begun);
}

TEST_CASE("texts are taken in order, and do not pile up before who takes them slowly") {
    constexpr std::size_t most_waiting = 8;
    constexpr std::size_t most_threads = 8;
    std::atomic<std::size_t> made = 0;
    std::atomic<std::size_t> most_untaken = 0;
    std::size_t taken = 0;
    const auto make = [&](std::size_t at) {
        ++made;
        return std::to_string(at);
    };
    const auto take = [&](std::string_view text) {
        CHECK(text == std::to_string(taken));
        if (taken < 20) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // for others
        most_untaken = std::max<std::size_t>(most_untaken, made - taken);
        ++taken;
    };
    make_in_order(many, 1, make, take);
    CHECK(taken == many);
    CHECK(made == many);
    CHECK(most_untaken <= most_waiting + most_threads);
    make_in_order(0, 1, make, [](std::string_view) { FAIL("there was nothing to take"); });
}

TEST_CASE(
    "texts are taken up to the one that cannot be made or taken, and what it threw is thrown") {
    constexpr std::size_t bad = 100;
    for (const bool cannot_be_made : {true, false}) {
        CAPTURE(cannot_be_made);
        for (int round = 0; round < 200; ++round) {
            std::size_t taken = 0;
            const auto make = [&](std::size_t at) {
                if (cannot_be_made && at == bad) throw std::runtime_error("a hundred");
                return std::to_string(at);
            };
            const auto take = [&](std::string_view text) {
                if (text == std::to_string(bad)) throw std::runtime_error("a hundred");
                REQUIRE(text == std::to_string(taken));
                ++taken;
            };
            CHECK_THROWS_WITH(make_in_order(many, 1, make, take), "a hundred");
            CHECK(taken <= bad);
            if (!cannot_be_made) CHECK(taken == bad);
        }
    }
}

TEST_CASE("a processor that becomes idle meanwhile is used from then on") {
    const cpu_set_t ours = testing::our_processors();
    auto busy = busy_threads(CPU_COUNT(&ours));
    const auto caller = std::this_thread::get_id();
    std::atomic<bool> is_helped = false;
    std::atomic<bool> was_helped_early = false;
    constexpr std::size_t idle_from = 100;
    constexpr std::size_t enough = 200'000;  // others of this machine may need it for a while
    in_parallel(enough, 1, [&](std::size_t at) {
        if (std::this_thread::get_id() != caller)
            (at < idle_from ? was_helped_early : is_helped) = true;
        if (at == idle_from) busy.clear();
        if (at > idle_from && !is_helped && CPU_COUNT(&ours) > 1) {
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
    });
    CHECK_FALSE(was_helped_early);
    CHECK(is_helped == (CPU_COUNT(&ours) > 1));
}

TEST_CASE("who helps begins on another processor than who works already") {
    using Clock = std::chrono::steady_clock;
    const cpu_set_t ours = testing::our_processors();
    if (CPU_COUNT(&ours) == 1) return;
    const auto caller = std::this_thread::get_id();
    constexpr int enough = 50;
    int compared = 0;
    // Others of this machine may need its processors for a while.
    for (const auto end = Clock::now() + std::chrono::seconds(30);
         compared < enough && Clock::now() < end;) {
        std::atomic<int> of_helper = -1;
        const int of_caller = ::sched_getcpu();
        bool was_moved = false;
        in_parallel(2, 1, [&](std::size_t) {
            if (std::this_thread::get_id() != caller) {
                of_helper = ::sched_getcpu();
                return;
            }
            const auto deadline = Clock::now() + std::chrono::milliseconds(5);
            while (of_helper < 0 && Clock::now() < deadline) {
            }
            was_moved = was_moved || ::sched_getcpu() != of_caller;
        });
        if (of_helper < 0 || was_moved) continue;
        ++compared;
        CHECK(of_helper != of_caller);
    }
    CHECK(compared > 0);
}

TEST_CASE("who asks for help may run where it could before, however soon that ends") {
    const cpu_set_t before = testing::our_processors();
    constexpr int rounds = 500;
    const Interruption interruption;
    for (int round = 0; round < rounds; ++round) {
        interruption.come_in(std::chrono::microseconds(1 + round % 100));
        {
            const auto helper = begin_elsewhere([] {});
        }
        const cpu_set_t now = testing::our_processors();
        REQUIRE(CPU_EQUAL(&now, &before));
    }
}

TEST_CASE("work beside other work is done once, and not at all where nobody asks for it") {
    const auto count_to = [](std::atomic<int>& count) { return [&count] { return ++count; }; };
    std::atomic<int> asked = 0;
    Beside<int> beside(count_to(asked));
    CHECK(beside.get() == 1);
    Beside<int> failing([]() -> int { throw std::runtime_error("three"); });
    CHECK_THROWS_WITH(static_cast<void>(failing.get()), "three");
    const cpu_set_t ours = testing::our_processors();
    const auto busy = busy_threads(CPU_COUNT(&ours));
    std::atomic<int> not_asked = 0;
    {
        const Beside<int> unused(count_to(not_asked));
        Beside<int> late(count_to(asked));
        CHECK(asked == 1);
        CHECK(late.get() == 2);
    }
    CHECK(not_asked == 0);
}

TEST_CASE("there is always a processor, and none that others use or that we may not") {
    const cpu_set_t ours = testing::our_processors();
    CHECK(idle_processors() >= 1);
    CHECK(idle_processors() <= static_cast<std::size_t>(CPU_COUNT(&ours)));
    {
        const auto busy = busy_threads(CPU_COUNT(&ours));
        CHECK(idle_processors() == 1);
    }
    CHECK(testing::in_child([] {
              cpu_set_t one;
              CPU_ZERO(&one);
              CPU_SET(static_cast<std::size_t>(std::max(::sched_getcpu(), 0)), &one);
              if (::sched_setaffinity(0, sizeof one, &one) != 0) return 1;
              return idle_processors() == 1 ? 0 : 2;
          }) == 0);
}

/// A thread that has next to nothing to do, but waits for its turn to do it (SCHED_BATCH).
class Waiter {
public:
    Waiter() {
        REQUIRE(::pipe2(ends_.data(), O_CLOEXEC) == 0);
        thread_ = std::jthread([this] {
            tid_ = ::gettid();
            for (char byte = 0; ::read(ends_[0], &byte, 1) == 1;) {
            }
        });
        const sched_param none{};
        REQUIRE(::pthread_setschedparam(thread_.native_handle(), SCHED_BATCH, &none) == 0);
    }
    ~Waiter() {
        ::close(ends_[1]);
        thread_.join();
        ::close(ends_[0]);
    }
    Waiter(Waiter&&) = delete;
    Waiter& operator=(Waiter&&) = delete;

    /// For the caller's processor, from now on.
    void wait_for_ours() {
        while (tid_ == 0 || test::process_state(tid_) != "S") ::sched_yield();
        cpu_set_t ours;
        CPU_ZERO(&ours);
        CPU_SET(static_cast<std::size_t>(std::max(::sched_getcpu(), 0)), &ours);
        REQUIRE(::pthread_setaffinity_np(thread_.native_handle(), sizeof ours, &ours) == 0);
        REQUIRE(::write(ends_[1], "", 1) == 1);
    }

private:
    std::array<int, 2> ends_{};
    std::atomic<pid_t> tid_ = 0;
    std::jthread thread_;
};

TEST_CASE("who waits for this processor alone does not make another one busy") {
    const cpu_set_t two = testing::some_of(testing::our_processors(), 2);
    if (CPU_COUNT(&two) < 2) return;
    const testing::Processors only(0, two);
    Waiter waiter;
    // Others of this machine may need the other one for a while; and the waiter has its turn by
    // chance now and then.
    constexpr int in_a_row = 5;
    int counted = 0;
    CHECK(test::eventually([&] {
        waiter.wait_for_ours();
        counted = idle_processors() == 2 ? counted + 1 : 0;
        return counted == in_a_row;
    }));
}

}  // namespace
}  // namespace unwait::sys
