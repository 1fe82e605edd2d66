// SPDX-License-Identifier: MIT
#include "blocking_calls.hpp"

#include <sched.h>

#include <algorithm>
#include <sstream>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

timespec after(timespec from, std::chrono::milliseconds span) {
    from.tv_sec += span.count() / 1000;
    from.tv_nsec += span.count() % 1000 * 1'000'000;
    if (from.tv_nsec >= 1'000'000'000) {
        from.tv_nsec -= 1'000'000'000;
        ++from.tv_sec;
    }
    return from;
}

bool is_wanted(const std::string& only, const std::string& name) {
    if (only.empty()) return true;
    std::istringstream list(only);
    for (std::string item; std::getline(list, item, ',');) {
        if (item == name) return true;
    }
    return false;
}

/// One thread in each blocking system call of Linux (only=NAME,… leaves the others out); those with
/// a timeout get timeout_ms (default an hour). `results` tells how each is doing; those that the
/// kernel does not have are `missing`.
void all_blocking_calls(Stage& stage, const Arguments& arguments) {
    // System V objects outlive their process, but not their namespace.
    must(unshare(CLONE_NEWIPC), "unshare CLONE_NEWIPC");
    make_close_wait(stage, arguments);
    const std::string only = arguments.text("only", "");
    BlockingCalls calls(std::chrono::milliseconds(arguments.number("timeout_ms", 3'600'000)));
    add_file_calls(calls);
    add_socket_calls(calls);
    add_ready_calls(calls);
    add_wait_calls(calls);
    add_ipc_calls(calls);
    std::vector<int> tids;
    std::string missing;
    for (const BlockingCall& call : calls.list()) {
        if (!is_wanted(only, call.name)) continue;
        if (const int tid = block_in(stage, call); tid != 0) {
            tids.push_back(tid);
        } else {
            missing += (missing.empty() ? "" : ",") + call.name;
        }
    }
    stage.tell("tids", tids);
    stage.tell("missing", missing);
}

constexpr std::array table{NamedScenario{"all-blocking-calls", all_blocking_calls}};

}  // namespace

std::span<const NamedScenario> blocking_scenarios() { return table; }

timespec* BlockingCalls::timeout() const { return keep(after({}, timeout_)); }

timeval* BlockingCalls::timeout_us() const {
    return keep(timeval{timeout_.count() / 1000, timeout_.count() % 1000 * 1000});
}

timespec* BlockingCalls::deadline(clockid_t clock) const {
    timespec now{};
    must(clock_gettime(clock, &now), "clock_gettime");
    return keep(after(now, timeout_));
}

}  // namespace victim
