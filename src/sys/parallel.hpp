// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace unwait::sys {

/// How many processors nobody else is using just now, this thread's own among them; at least 1.
[[nodiscard]] std::size_t idle_processors();

/// That work in a thread that begins on another processor; one that is not joinable, and the work
/// not done, where no processor is idle or no thread can be had (RLIMIT_NPROC).
[[nodiscard]] std::jthread begin_elsewhere(std::function<void()> work);

/// Work beside the caller's: in a thread of its own where a processor is idle, else once its result
/// is asked for; not at all where it never is.
template <typename Result>
class Beside {
public:
    explicit Beside(std::function<Result()> work)
        : work_(std::move(work)), thread_(begin_elsewhere([this] { work_(); })) {}
    Beside(const Beside&) = delete;
    Beside& operator=(const Beside&) = delete;

    /// What it returned or threw; once.
    [[nodiscard]] Result get() {
        if (thread_.joinable()) {
            thread_.join();
        } else {
            work_();
        }
        return work_.get_future().get();
    }

private:
    std::packaged_task<Result()> work_;
    std::jthread thread_;
};

/// Calls work(0) … work(count - 1), begun about in this order, by as many threads as there are idle
/// processors, looked for again after so many calls as are worth a thread: who is at work on this
/// machine does not pay for our haste. Where no more threads can be had (RLIMIT_NPROC) those that
/// there are do it all. A thread takes some neighbours at a time: they are so in memory, too, ours
/// and the kernel's. When all have returned, what the first that threw has thrown is thrown.
void in_parallel(std::size_t count, std::size_t worth_a_thread,
                 const std::function<void(std::size_t)>& work);

/// The texts make(0) … make(count - 1), taken in this order by whoever has made the next one, while
/// others go on. No more wait for their turn than are worth eight threads: not all of them need be
/// in memory. What the first call that threw has thrown is thrown.
void make_in_order(std::size_t count, std::size_t worth_a_thread,
                   const std::function<std::string(std::size_t)>& make,
                   const std::function<void(std::string_view)>& take);

}  // namespace unwait::sys
