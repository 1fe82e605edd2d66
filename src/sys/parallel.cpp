// SPDX-License-Identifier: MIT
#include "parallel.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "file.hpp"
#include "text_scan.hpp"

namespace unwait::sys {

namespace {

/// A thread that is kept from this processor. The kernel may leave a new one waiting behind us for
/// milliseconds, beside a processor that is idle.
std::jthread new_thread_elsewhere(std::function<void()> work) {
    // The C library takes a thread that has ended for the one that asks: this one would be kept
    // away.
    const auto placed = std::make_shared<std::latch>(1);
    std::jthread thread([work = std::move(work), placed] {
        work();
        placed->wait();
    });
    cpu_set_t processors;
    const int ours = ::sched_getcpu();
    if (ours >= 0 && ::sched_getaffinity(0, sizeof processors, &processors) == 0) {
        CPU_CLR(static_cast<std::size_t>(ours), &processors);
        static_cast<void>(
            ::pthread_setaffinity_np(thread.native_handle(), sizeof processors, &processors));
    }
    placed->count_down();
    return thread;
}

/// The fourth word of /proc/loadavg (proc(5)), "2/345", tells who runs or could, us among them.
std::size_t other_runnable_tasks() {
    const std::string loads = text_or_empty(AT_FDCWD, "/proc/loadavg");
    std::string_view rest = loads;
    for (int load = 0; load < 3; ++load) static_cast<void>(take_word(rest));
    std::string_view tasks = take_word(rest);
    const auto all = to_number<std::size_t>(take_until(tasks, '/')).value_or(1);
    return std::max<std::size_t>(all, 1) - 1;
}

/// Texts that come in any order, and are taken in theirs.
class Turns {
public:
    Turns(std::size_t room, const std::function<void(std::string_view)>& take)
        : room_(room), take_(take) {}

    /// Waits until it has its turn or there is room for it. Who brings the next one takes it and
    /// all that have waited for that.
    void put(std::size_t at, std::string text) {
        std::unique_lock lock(mutex_);
        moved_.wait(lock, [&] { return at < next_ + room_ || are_given_up(); });
        waiting_.emplace(at, std::move(text));
        if (is_taking_ || are_given_up()) return;
        is_taking_ = true;
        for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_;
             first = waiting_.begin()) {
            const auto now = waiting_.extract(first);
            lock.unlock();
            take_(now.mapped());
            lock.lock();
            ++next_;
            moved_.notify_all();
        }
        is_taking_ = false;
    }

    /// Nobody waits any more, and nothing more is taken.
    void give_up() {
        const std::scoped_lock lock(mutex_);
        are_given_up_ = true;
        moved_.notify_all();
    }
    [[nodiscard]] bool are_given_up() const { return are_given_up_; }

private:
    const std::size_t room_;
    const std::function<void(std::string_view)>& take_;
    std::mutex mutex_;
    std::condition_variable moved_;  ///< next_, or given up
    std::map<std::size_t, std::string> waiting_;
    std::size_t next_ = 0;
    bool is_taking_ = false;
    std::atomic<bool> are_given_up_ = false;
};

}  // namespace

std::size_t idle_processors() {
    cpu_set_t processors;
    if (::sched_getaffinity(0, sizeof processors, &processors) != 0) return 1;
    const auto ours = static_cast<std::size_t>(CPU_COUNT(&processors));
    std::size_t others = other_runnable_tasks();
    if (others > 0 && others + 1 == ours) {
        // It may be a thread of the kernel that waits for none but this processor: it has it now.
        ::sched_yield();
        others = other_runnable_tasks();
    }
    return ours - std::min(others, ours - 1);
}

std::jthread begin_elsewhere(std::function<void()> work) {
    if (idle_processors() == 1) return {};
    try {
        return new_thread_elsewhere(std::move(work));
    } catch (const std::system_error&) {
        return {};
    }
}

void in_parallel(std::size_t count, std::size_t worth_a_thread,
                 const std::function<void(std::size_t)>& work) {
    std::size_t most_threads = 8;  // beyond, they wait for the kernel's locks
    const std::size_t at_a_time = std::max<std::size_t>(worth_a_thread / 8, 1);
    std::atomic<std::size_t> next = 0;
    std::exception_ptr failure;
    std::once_flag failed;
    const auto do_some = [&](auto&& before_each) {
        try {
            for (std::size_t first = next.fetch_add(at_a_time); first < count;
                 first = next.fetch_add(at_a_time)) {
                before_each(first);
                const std::size_t end = std::min(first + at_a_time, count);
                for (std::size_t at = first; at < end; ++at) work(at);
            }
        } catch (...) {
            std::call_once(failed, [&] { failure = std::current_exception(); });
        }
    };
    {
        std::vector<std::jthread> helpers;
        // Processors become idle meanwhile, those of helpers that others have called among them.
        const auto call_helpers = [&](std::size_t at) {
            const std::size_t worthwhile = std::min((count - at) / worth_a_thread, most_threads);
            if (helpers.size() + 1 >= worthwhile) return;
            try {
                for (auto idle = idle_processors(); idle > 1 && helpers.size() + 1 < worthwhile;
                     --idle) {
                    helpers.push_back(new_thread_elsewhere([&] { do_some([](std::size_t) {}); }));
                }
            } catch (const std::system_error&) {
                most_threads = 1;  // no more can be had: those that did start do all the work
            }
        };
        std::size_t done = 0;
        do_some([&](std::size_t at) {
            if (done % worth_a_thread == 0) call_helpers(at);
            done += at_a_time;
        });
    }
    if (failure) std::rethrow_exception(failure);
}

void make_in_order(std::size_t count, std::size_t worth_a_thread,
                   const std::function<std::string(std::size_t)>& make,
                   const std::function<void(std::string_view)>& take) {
    Turns turns(8 * worth_a_thread, take);
    in_parallel(count, worth_a_thread, [&](std::size_t at) {
        if (turns.are_given_up()) return;
        try {
            turns.put(at, make(at));
        } catch (...) {
            turns.give_up();
            throw;
        }
    });
}

}  // namespace unwait::sys
