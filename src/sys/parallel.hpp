// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <future>

namespace unwait::sys {

/// How many processors nobody else is using just now, this thread's own among them; at least 1.
[[nodiscard]] std::size_t idle_processors();

/// How std::async does work beside the caller's: in a thread of its own where a processor is idle
/// and a thread can be had, else once its result is asked for.
[[nodiscard]] std::launch when_idle();

/// Calls work(0) … work(count - 1), begun in this order, by as many threads as there are idle
/// processors, looked for again after so many calls as are worth a thread: who is at work on this
/// machine does not pay for our haste. Where no more threads can be had (RLIMIT_NPROC) those that
/// there are do it all. When all have returned, what the first that threw has thrown is thrown.
void in_parallel(std::size_t count, std::size_t worth_a_thread,
                 const std::function<void(std::size_t)>& work);

}  // namespace unwait::sys
