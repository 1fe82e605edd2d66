// SPDX-License-Identifier: MIT
#include "survey.hpp"

#include <fcntl.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <string>
#include <utility>

#include "arch.hpp"
#include "file.hpp"
#include "freezer.hpp"
#include "proc_text.hpp"
#include "surgeon_limits.hpp"
#include "task_list.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"

namespace unwait::ptrace {

namespace {

// Flags of a task (include/linux/sched.h) that is a kernel worker in the process's thread group.
constexpr std::uint32_t pf_io_worker = 0x10;
constexpr std::uint32_t pf_exiting = 0x4;
constexpr std::uint32_t pf_user_worker = 0x4000;

/// From the files that begin with `prefix`. What may not be read is judged as unfit, or as without
/// a known call.
SurveyedThread survey_below(int directory, const std::string& prefix, pid_t process, pid_t tid) {
    auto thread = judge_thread(sys::text_or_empty(directory, prefix + "stat"),
                               sys::text_or_empty(directory, prefix + "status"),
                               sys::text_or_empty(directory, prefix + "syscall"));
    thread.tid = tid;
    thread.process = process;
    return thread;
}

std::string directory_of(const SurveyedThread& thread) {
    return "/proc/" + std::to_string(thread.process) + "/task/" + std::to_string(thread.tid);
}

using Survey = std::vector<SurveyedThread>;

Survey survey_now(std::span<const ProcessId> processes) {
    Survey threads;
    for (const auto& process : processes) {
        const auto directory = open_task_directory(process.pid);
        std::vector<pid_t> tids;
        const auto add = [](void* list, pid_t tid) {
            static_cast<std::vector<pid_t>*>(list)->push_back(tid);
        };
        if (!for_each_task(directory.get(), add, &tids)) continue;
        for (const pid_t tid : tids) {
            threads.push_back(
                survey_below(directory.get(), std::to_string(tid) + "/", process.pid, tid));
        }
    }
    std::stable_partition(threads.begin(), threads.end(),
                          [](const auto& thread) { return !thread.running; });
    return threads;
}

/// Uninterruptible sleep, that is.
bool only_sleep_is_in_the_way(std::span<const SurveyedThread> threads, pid_t process) {
    bool sleeps = false;
    for (const SurveyedThread& thread : threads) {
        if (thread.process != process) continue;
        if (thread.fitness != Fitness::unfit) return false;
        sleeps = sleeps || thread.uninterruptible;
    }
    return sleeps;
}

/// Those whose sleep is another one than it was.
void recognise_dozing(std::span<SurveyedThread> threads, std::span<const SurveyedThread> before) {
    for (SurveyedThread& thread : threads) {
        if (!thread.uninterruptible) continue;
        const auto known = std::ranges::find(before, thread.tid, &SurveyedThread::tid);
        if (known != before.end() && known->sleeps != thread.sleeps) {
            thread.fitness = Fitness::dozing;
        }
    }
}

/// What `look` finds; where only sleep is in the way of that process it looks again for a moment.
template <typename Look>
Survey past_a_doze(pid_t process, Look look) {
    Survey threads = look();
    for (std::uint64_t waited = 0;
         waited < doze_patience && only_sleep_is_in_the_way(threads, process);
         waited += doze_look) {
        constexpr timespec pause{0, doze_look};
        nanosleep(&pause, nullptr);
        Survey later = look();
        recognise_dozing(later, threads);
        threads = std::move(later);
    }
    return threads;
}

}  // namespace

SurveyedThread judge_thread(std::string_view stat, std::string_view status,
                            std::string_view system_call) {
    SurveyedThread thread;
    const auto now = sys::parse_stat(stat);
    if (!now) return thread;
    thread.zombie = now->is_zombie();
    thread.running = now->state == 'R';
    const auto mode = sys::status_field(status, "Seccomp");
    const int seccomp = mode ? sys::to_number<int>(*mode).value_or(0) : 0;
    thread.may_be_filtered = seccomp != SECCOMP_MODE_DISABLED;
    const auto sleeps = sys::status_field(status, "voluntary_ctxt_switches");
    thread.sleeps = sleeps ? sys::to_number<std::uint64_t>(*sleeps).value_or(0) : 0;
    if (thread.zombie || seccomp == SECCOMP_MODE_STRICT ||
        (now->flags & (pf_io_worker | pf_user_worker | pf_exiting)) != 0) {
        return thread;
    }
    if (now->state == 'D') {
        thread.uninterruptible = true;
        return thread;
    }
    const auto call = arch::parse_call(system_call);
    thread.fitness = thread.running                               ? Fitness::running
                     : call && arch::is_disturbed_by_stops(*call) ? Fitness::disturbed
                                                                  : Fitness::asleep;
    return thread;
}

std::vector<SurveyedThread> survey_threads(std::span<const ProcessId> processes) {
    return past_a_doze(processes.front().pid, [&] { return survey_now(processes); });
}

std::optional<SurveyedThread> survey_thread(pid_t process, pid_t tid) {
    const std::string path = "/proc/" + std::to_string(process) + "/task/" + std::to_string(tid);
    const auto directory = sys::open_directory(AT_FDCWD, path.c_str());
    if (!directory) return std::nullopt;
    return past_a_doze(process,
                       [&] { return Survey{survey_below(directory->get(), "", process, tid)}; })
        .front();
}

bool is_able(const SurveyedThread& thread) {
    return thread.fitness != Fitness::unfit && !sys::is_frozen(thread.tid);
}

std::string why_unable(std::span<const SurveyedThread> threads) {
    if (std::ranges::any_of(threads, sys::is_frozen, &SurveyedThread::tid)) {
        return "its cgroup is frozen, and nothing in it runs before that is thawed (docker "
               "unpause, systemctl thaw)";
    }
    return "each is in seccomp's strict mode, in uninterruptible sleep or exiting" +
           std::string(refusal::advice);
}

bool is_still(const ProcessId& id) {
    const auto now =
        sys::parse_stat(sys::text_or_empty(AT_FDCWD, "/proc/" + std::to_string(id.pid) + "/stat"));
    return now && now->start_time == id.start_time;
}

bool has_ended(const SurveyedThread& thread) {
    const auto now = sys::parse_stat(sys::text_or_empty(AT_FDCWD, directory_of(thread) + "/stat"));
    return !now || now->is_zombie();
}

pid_t tracer_of(const SurveyedThread& thread) {
    const auto status = sys::text_or_empty(AT_FDCWD, directory_of(thread) + "/status");
    return sys::to_number<pid_t>(sys::status_field(status, "TracerPid").value_or("")).value_or(0);
}

sys::Fd open_task_directory(pid_t process) {
    const auto path = "/proc/" + std::to_string(process) + "/task";
    auto directory = sys::open_directory(AT_FDCWD, path.c_str());
    if (!directory) throw Error(ESRCH, "open of " + path);
    return std::move(*directory);
}

}  // namespace unwait::ptrace
