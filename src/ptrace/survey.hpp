// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fd.hpp"
#include "unwait/process.hpp"

namespace unwait::ptrace {

/// How well a thread can carry the injected calls: the less a stop may disturb it, the better.
enum class Fitness : std::uint8_t {
    asleep,  ///< in a call that goes on after a stop as if nothing had been
    running,
    disturbed,  ///< in a call that only the cure saves from EINTR
    dozing,     ///< in one uninterruptible sleep after the other, and can be stopped between them
    unfit,      ///< exiting, in uninterruptible sleep, in seccomp's strict mode, or a kernel worker
};

/// A thread as /proc shows it before anything is touched.
struct SurveyedThread {
    pid_t tid = 0;
    pid_t process = 0;
    bool running = false;
    bool zombie = false;
    bool may_be_filtered = false;  ///< has a seccomp filter, which may forbid what we need
    bool uninterruptible = false;  ///< sleeps so, and could make a call but for that
    std::uint64_t sleeps = 0;      ///< how often it has begun to wait for something
    Fitness fitness = Fitness::unfit;
};

/// All threads of the processes, those that sleep first. Where all of the first process are unfit,
/// and some because they wait for a disk, say, they are looked at again for a moment.
[[nodiscard]] std::vector<SurveyedThread> survey_threads(std::span<const ProcessId> processes);

/// One of them, in the same way; absent when it is gone.
[[nodiscard]] std::optional<SurveyedThread> survey_thread(pid_t process, pid_t tid);

/// What `stat`, `status` and `syscall` of a thread say about its fitness (proc_pid_stat(5) and
/// others).
[[nodiscard]] SurveyedThread judge_thread(std::string_view stat, std::string_view status,
                                          std::string_view system_call);

/// Whether it can make a call: it is fit, and the freezer of its cgroup lets it run.
[[nodiscard]] bool is_able(const SurveyedThread& thread);

/// What keeps all of these threads from it, and what to do about that.
[[nodiscard]] std::string why_unable(std::span<const SurveyedThread> threads);

/// Whether the pid is still that process.
[[nodiscard]] bool is_still(const ProcessId& id);

/// Whether a thread that was alive has exited since.
[[nodiscard]] bool has_ended(const SurveyedThread& thread);

/// Who traces the thread just now; 0: nobody that can be seen.
[[nodiscard]] pid_t tracer_of(const SurveyedThread& thread);

/// An open /proc/PID/task. Throws Error.
[[nodiscard]] sys::Fd open_task_directory(pid_t process);

}  // namespace unwait::ptrace
