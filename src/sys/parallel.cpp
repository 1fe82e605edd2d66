// SPDX-License-Identifier: MIT
#include "parallel.hpp"

#include <fcntl.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "file.hpp"
#include "text_scan.hpp"

namespace unwait::sys {

namespace {

/// The fourth word of /proc/loadavg (proc(5)), "2/345": who runs or could.
std::size_t runnable_tasks() {
    const std::string loads = text_or_empty(AT_FDCWD, "/proc/loadavg");
    std::string_view rest = loads;
    for (int load = 0; load < 3; ++load) static_cast<void>(take_word(rest));
    std::string_view tasks = take_word(rest);
    return to_number<std::size_t>(take_until(tasks, '/')).value_or(1);
}

}  // namespace

std::size_t idle_processors() {
    cpu_set_t processors;
    if (::sched_getaffinity(0, sizeof processors, &processors) != 0) return 1;
    const auto ours = static_cast<std::size_t>(CPU_COUNT(&processors));
    const std::size_t others = std::max<std::size_t>(runnable_tasks(), 1) - 1;
    return ours - std::min(others, ours - 1);
}

std::launch when_idle() {
    return idle_processors() > 1 ? std::launch::async | std::launch::deferred
                                 : std::launch::deferred;
}

void in_parallel(std::size_t count, std::size_t worth_a_thread,
                 const std::function<void(std::size_t)>& work) {
    constexpr std::size_t most_threads = 8;  // beyond, they wait for the kernel's locks
    std::size_t threads = std::min(count / worth_a_thread, most_threads);
    if (threads > 1) threads = std::min(threads, idle_processors());
    std::atomic<std::size_t> next = 0;
    std::exception_ptr failure;
    std::once_flag failed;
    const auto do_some = [&] {
        try {
            for (std::size_t at = next++; at < count; at = next++) work(at);
        } catch (...) {
            std::call_once(failed, [&] { failure = std::current_exception(); });
        }
    };
    {
        std::vector<std::jthread> helpers;
        try {
            while (helpers.size() + 1 < threads) helpers.emplace_back(do_some);
        } catch (const std::system_error&) {
            // Those that did start, and this one, do all the work.
        }
        do_some();
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace unwait::sys
