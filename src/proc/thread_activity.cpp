// SPDX-License-Identifier: MIT
#include "thread_activity.hpp"

#include <fcntl.h>

#include <optional>
#include <string>
#include <utility>

#include "blocked_call.hpp"
#include "call_name.hpp"
#include "directory.hpp"
#include "file.hpp"
#include "process.hpp"
#include "text_scan.hpp"

namespace unwait::proc {
namespace {

std::optional<ThreadActivity> read_activity(int thread, pid_t pid) {
    auto stat = read_stat_at(thread);
    if (!stat) return std::nullopt;
    ThreadActivity activity;
    activity.pid = pid;
    activity.tid = stat->pid;
    activity.command = std::move(stat->command);
    activity.state = stat->state;
    if (const auto call = parse_syscall(sys::text_or_empty(thread, "syscall"))) {
        activity.call = call_name(call->number);
        activity.fds = fds_awaited(activity.tid, *call).value_or(std::vector<int>());
    }
    activity.wait_channel = sys::text_or_empty(thread, "wchan");
    if (activity.wait_channel == "0") activity.wait_channel.clear();
    return activity;
}

}  // namespace

std::vector<ThreadActivity> read_activities(pid_t pid, std::size_t limit) {
    std::vector<ThreadActivity> activities;
    const std::string path = "/proc/" + std::to_string(pid) + "/task";
    const auto tasks = sys::open_directory(AT_FDCWD, path.c_str());
    if (!tasks) return activities;
    sys::for_each_numbered(tasks->get(), [&](const char* tid) {
        if (activities.size() == limit) return;
        const auto thread = sys::open_directory(tasks->get(), tid);
        if (!thread) return;
        if (auto activity = read_activity(thread->get(), pid)) {
            activities.push_back(std::move(*activity));
        }
    });
    return activities;
}

}  // namespace unwait::proc
