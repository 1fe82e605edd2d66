// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "unwait/checkup.hpp"
#include "unwait/plan.hpp"
#include "unwait/process.hpp"

/// From what was tried and read on this machine to what works, what does not, and the remedy.
namespace unwait {

/// Codes of Check, in the order in which they are told.
namespace check_code {
// Of the kernel:
inline constexpr std::string_view version = "version";
inline constexpr std::string_view sock_diag = "sock-diag";
inline constexpr std::string_view sock_destroy = "sock-destroy";
inline constexpr std::string_view pidfd_open = "pidfd-open";
inline constexpr std::string_view pidfd_getfd = "pidfd-getfd";
inline constexpr std::string_view kcmp = "kcmp";
inline constexpr std::string_view inject_close = "inject-close";
inline constexpr std::string_view inject_replace = "inject-replace";
inline constexpr std::string_view read_filters = "read-filters";
inline constexpr std::string_view rseq = "rseq";
inline constexpr std::string_view user_dispatch = "user-dispatch";
inline constexpr std::string_view btf = "btf";
inline constexpr std::string_view bpf_finder = "bpf-finder";
inline constexpr std::string_view system_log = "system-log";
// Of our privileges (and one for each capability, "cap-sys-ptrace"):
inline constexpr std::string_view user = "user";
inline constexpr std::string_view user_namespace = "user-namespace";
inline constexpr std::string_view pid_namespace = "pid-namespace";
inline constexpr std::string_view yama = "yama";
inline constexpr std::string_view seccomp = "seccomp";
inline constexpr std::string_view hidepid = "hidepid";
inline constexpr std::string_view realtime = "realtime";
inline constexpr std::string_view processes = "processes";
// Of a process (and one for each action, in its word); `user`, `user-namespace` and `seccomp` too:
inline constexpr std::string_view process = "process";
inline constexpr std::string_view state = "state";
inline constexpr std::string_view tracer = "tracer";
inline constexpr std::string_view dumpable = "dumpable";
inline constexpr std::string_view network = "network-namespace";
inline constexpr std::string_view fds = "fds";
inline constexpr std::string_view abi = "abi";
inline constexpr std::string_view threads = "threads";
inline constexpr std::string_view memory = "memory";
inline constexpr std::string_view vdso = "vdso";
inline constexpr std::string_view runtime = "runtime";
}  // namespace check_code

/// How something that was tried went.
struct Trial {
    bool works = false;
    int error = 0;    ///< errno value, where the kernel gave one
    std::string why;  ///< what was done, or what came of it
};

/// What the kernel let us do to sockets and processes of our own, and who we are.
struct MachineFacts {
    std::string release;           ///< "6.1.0-21-amd64"
    std::string hardware;          ///< "x86_64"
    Trial lists;                   ///< sock_diag(7)
    Trial destroys;                ///< SOCK_DESTROY
    Trial opens;                   ///< pidfd_open(2)
    Trial duplicates;              ///< pidfd_getfd(2)
    Trial compares;                ///< kcmp(2)
    Trial closes;                  ///< the whole of `close`
    Trial replaces;                ///< the whole of `replace`
    Trial closes_filtered;         ///< of `close` in a process with a seccomp filter
    bool tells_sequences = false;  ///< PTRACE_GET_RSEQ_CONFIGURATION
    bool tells_dispatch = false;   ///< PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
    bool describes_types = false;  ///< BTF
    std::string no_finder;         ///< why fds are not found by BPF; empty when they are
    bool has_journal = false;
    Trial realtime;  ///< SCHED_FIFO

    uid_t uid = 0;  ///< effective
    std::string user;
    std::uint64_t capabilities = 0;  ///< effective; bit N is the one with number N
    bool in_first_user_namespace = true;
    bool in_first_pid_namespace = true;
    std::optional<int> yama;  ///< kernel.yama.ptrace_scope; absent without Yama
    int filters = 0;          ///< seccomp filters that we run under ourselves, -1 for strict mode
    bool processes_hidden = false;
    std::size_t processes = 0;    ///< that could hold sockets, without pid 1 and unwait itself
    std::size_t unreachable = 0;  ///< of them: those whose fds we may not duplicate
    pid_t first_unreachable = 0;

    [[nodiscard]] bool may(int capability) const noexcept {
        return (capabilities >> static_cast<unsigned>(capability) & 1U) != 0;
    }
};

/// What a rehearsal of an injected call met.
struct Rehearsed {
    std::string refusal;   ///< empty: nothing stands against it
    std::size_t room = 0;  ///< fds for one freeze; 0 when that is not known
    std::chrono::microseconds stopped{0};
    std::optional<bool> redirects_calls;  ///< absent when no thread was looked at, or the
                                          ///< kernel does not tell
};

/// What stands for or against touching one process.
struct ProcessFacts {
    pid_t pid = 0;
    std::optional<Process> process;  ///< absent when there is none with this pid
    pid_t leader = 0;                ///< the process that it is a thread of, mostly itself
    bool is_kernel_thread = false;
    std::string tracer_command;
    std::size_t threads = 0;       ///< that have not exited
    std::size_t able = 0;          ///< of them: those that could make a call
    std::size_t filtered = 0;      ///< of them: those with a seccomp filter
    bool is_frozen = false;        ///< by its cgroup
    std::string abi;               ///< "x86-64", "i386", …; empty when it may not be read
    std::optional<bool> dumpable;  ///< absent when that cannot be told
    std::optional<bool> same_user_namespace;  ///< absent when that may not be read
    bool has_more_capabilities = false;       ///< than we have
    std::string no_listing;                   ///< why its fds cannot be listed
    Trial duplicates;                         ///< pidfd_getfd(2), of a number that leads nowhere
    Trial memory;                             ///< whether code may be written into it
    std::optional<Rehearsed> close, replace;  ///< absent when they were not rehearsed
    std::string no_signal;                    ///< why no signal can be sent to it
    bool in_own_network = true;
    std::string no_network;  ///< why its network namespace cannot be entered
};

/// What is to work.
struct CheckupRequest {
    std::vector<Action> actions;  ///< empty: `auto`, and without processes `destroy` too
    std::vector<pid_t> pids;
};

/// The actions that the request is about, mildest first.
[[nodiscard]] std::vector<Action> wanted_actions(const CheckupRequest& request);

/// Why a process that is not protected cannot be touched from outside, and what to do about it.
struct Denial {
    std::string why;
    std::string remedy;
};
/// The most likely cause when the kernel denied to touch this process. `error` is what it said.
[[nodiscard]] Denial explain_denial(const MachineFacts& machine, const ProcessFacts& facts,
                                    int error);

[[nodiscard]] std::vector<Check> check_kernel(const MachineFacts& facts,
                                              const CheckupRequest& request);
[[nodiscard]] std::vector<Check> check_privileges(const MachineFacts& facts,
                                                  const CheckupRequest& request);
[[nodiscard]] std::vector<Check> check_process(const ProcessFacts& facts,
                                               const MachineFacts& machine,
                                               const CheckupRequest& request, const Self& self);

/// Whether all that is needed works.
[[nodiscard]] bool all_needed_work(std::span<const Check> checks);

}  // namespace unwait
