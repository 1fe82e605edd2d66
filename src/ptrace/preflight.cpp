// SPDX-License-Identifier: MIT
#include "preflight.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "arch.hpp"
#include "cave.hpp"
#include "fd.hpp"
#include "filter_check.hpp"
#include "survey.hpp"
#include "unwait/error.hpp"
#include "yama.hpp"

namespace unwait::ptrace {

namespace {

/// Of /proc/PID/mem, which who may trace the process may open; `number` is what came of that.
std::string why_not_open(const std::string& path, int number) {
    const std::string error = std::strerror(number);
    if (sys::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC))) {
        return error + " (its memory may be read but not written: root or CAP_DAC_OVERRIDE)";
    }
    if (sys::yama_scope().value_or(0) >= sys::yama_nobody) {
        return error +
               " (kernel.yama.ptrace_scope is 3: nobody may trace a process before the "
               "next boot)";
    }
    return error +
           " (root, or CAP_SYS_PTRACE and for processes of other users CAP_DAC_OVERRIDE; "
           "see kernel.yama.ptrace_scope)";
}

}  // namespace

std::optional<std::string> obstacle(const ProcessId& id, pid_t table) {
    const std::string pid = "pid " + std::to_string(id.pid);
    const std::string path = "/proc/" + std::to_string(table) + "/mem";
    const sys::Fd memory(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!memory) {
        if (errno == ENOENT) return std::nullopt;  // it has gone: nothing stands in the way
        return pid + " may not be held: " + why_not_open(path, errno);
    }
    try {
        const auto cave = Cave::find(table, memory);
        const auto least = [&cave](Operation operation) {
            return sizeof(Cave::Header) + arch::blob_size(operation, 1, cave->is_32_bit());
        };
        if (!cave || cave->range().end - cave->range().begin <
                         std::max(least(Operation::close), least(Operation::replace))) {
            return pid + " has no [vdso] with room for the code that would close its fd";
        }
        const auto threads = survey_threads({&id, 1});
        if (std::ranges::none_of(threads, is_able)) {
            return pid + " has no thread that could make the call: " + why_unable(threads);
        }
        const bool must_read = std::ranges::none_of(threads, [](const SurveyedThread& thread) {
            return !thread.may_be_filtered && is_able(thread);
        });
        if (must_read && !FilterCheck::may_read()) {
            const auto first = std::ranges::find_if(threads, is_able);
            return pid + ": " + FilterCheck::unreadable(first->tid, EPERM);
        }
    } catch (const Error& error) {
        return error.what();
    }
    return std::nullopt;
}

}  // namespace unwait::ptrace
