// SPDX-License-Identifier: MIT
#include <array>
#include <span>

#include "check_list.hpp"
#include "sentence.hpp"

namespace unwait {
namespace {

// linux/capability.h; their numbers are part of the kernel's ABI.
constexpr int dac_override = 1;
constexpr int dac_read_search = 2;
constexpr int kill_any = 5;
constexpr int net_admin = 12;
constexpr int sys_ptrace = 19;
constexpr int sys_admin = 21;
constexpr int sys_nice = 23;
constexpr int perfmon = 38;
constexpr int bpf = 39;

/// What a capability is good for.
struct Use {
    std::string_view code;
    std::string_view name;       ///< as systemd spells it
    std::string_view container;  ///< as docker spells it
    int capability;
    int stronger;  ///< one that includes it; the same where there is none
    std::string_view with, without;
    bool of_processes;  ///< it counts only for those in its user namespace
};

constexpr std::array uses{
    Use{"cap-sys-ptrace", "CAP_SYS_PTRACE", "SYS_PTRACE", sys_ptrace, sys_ptrace,
        "processes of all users can be reached", "only processes of this user can be reached",
        true},
    Use{"cap-dac-read-search", "CAP_DAC_READ_SEARCH", "DAC_READ_SEARCH", dac_read_search,
        dac_override, "the fds of all users' processes can be listed",
        "the fds of other users' processes cannot be listed", true},
    Use{"cap-dac-override", "CAP_DAC_OVERRIDE", "DAC_OVERRIDE", dac_override, dac_override,
        "calls can be made inside the processes of all users",
        "close and replace work only in processes of this user", true},
    Use{"cap-net-admin", "CAP_NET_ADMIN", "NET_ADMIN", net_admin, net_admin,
        "destroy may end connections", "destroy is not permitted", false},
    Use{"cap-kill", "CAP_KILL", "KILL", kill_any, kill_any,
        "term and kill may end processes of all users",
        "term and kill work only on processes of this user", true},
    Use{"cap-sys-admin", "CAP_SYS_ADMIN", "SYS_ADMIN", sys_admin, sys_admin,
        "other network namespaces can be entered and seccomp filters read",
        "other network namespaces cannot be entered (--netns), and no close or replace in a "
        "process with a seccomp filter",
        false},
    Use{"cap-bpf", "CAP_BPF", "BPF", bpf, sys_admin, "the BPF finder may be loaded",
        "the BPF finder may not be loaded", false},
    Use{"cap-perfmon", "CAP_PERFMON", "PERFMON", perfmon, sys_admin,
        "the BPF finder may look into the kernel", "the BPF finder may not look into the kernel",
        false},
    Use{"cap-sys-nice", "CAP_SYS_NICE", "SYS_NICE", sys_nice, sys_nice,
        "the process that holds threads goes before all others",
        "on a busy machine a thread may be held for longer", false},
};

bool is_needed(const Use& use, const std::vector<Action>& wanted) {
    switch (use.capability) {
        case sys_ptrace:
            return wants_files(wanted);
        case dac_read_search:
            return true;
        case dac_override:
            return wants_injection(wanted);
        case net_admin:
            return wants(wanted, Action::destroy);
        case kill_any:
            return wants(wanted, Action::term) || wants(wanted, Action::kill);
        default:
            return false;
    }
}

std::string how_to_get(const Use& use) {
    return "run as root, or with " + std::string(use.name) +
           " (AmbientCapabilities=" + std::string(use.name) + " in a unit, --cap-add " +
           std::string(use.container) + " in a container)";
}

/// With a process to look at, what is missing shows there.
void check_capabilities(CheckList& checks, const MachineFacts& facts,
                        const CheckupRequest& request) {
    const auto wanted = wanted_actions(request);
    for (const Use& use : uses) {
        const bool has = facts.may(use.capability) || facts.may(use.stronger);
        const bool is_inside =
            use.of_processes && !facts.in_first_user_namespace && facts.unreachable > 0;
        const bool needed = request.pids.empty() && is_needed(use, wanted);
        if (has && is_inside) {
            checks.add(use.code, false, needed,
                       "it counts only for processes of this user namespace, and " +
                           counted(facts.unreachable, "process is", "processes are") +
                           " outside of it",
                       "run as root in the first user namespace (on the host)");
        } else {
            checks.add(use.code, has, needed, std::string(has ? use.with : use.without),
                       how_to_get(use));
        }
    }
}

void check_yama(CheckList& checks, const MachineFacts& facts, const CheckupRequest& request) {
    if (!facts.yama) return checks.tell(check_code::yama, "the kernel runs without Yama");
    const int scope = *facts.yama;
    const std::string value = "kernel.yama.ptrace_scope is " + std::to_string(scope) + ": ";
    const bool needed = request.pids.empty() && wants_files(wanted_actions(request));
    if (scope >= 3) {
        checks.add(check_code::yama, false, needed, value + "no process can be traced by anybody",
                   "boot with another value (it cannot be lowered again); until then --actions "
                   "destroy, term or kill");
    } else if (scope == 0 || facts.may(sys_ptrace)) {
        checks.tell(check_code::yama, value + (scope == 0 ? "every user may trace his processes"
                                                          : "CAP_SYS_PTRACE is enough"));
    } else {
        checks.add(check_code::yama, false, needed,
                   value + "without CAP_SYS_PTRACE " +
                       (scope == 1 ? "only own children" : "no process") + " can be traced",
                   "run as root or with CAP_SYS_PTRACE, or sysctl -w kernel.yama.ptrace_scope=0");
    }
}

void check_own_filters(CheckList& checks, const MachineFacts& facts) {
    const std::string filters =
        facts.filters == 1 ? "1 filter" : std::to_string(facts.filters) + " filters";
    checks.add(check_code::seccomp, facts.filters == 0, false,
               facts.filters == 0 ? "no filter is on unwait itself"
                                  : "unwait itself runs under " + filters +
                                        ": the kernel shows it nobody else's, so that close and "
                                        "replace are refused where a process has one",
               "run it outside of the container, or with --security-opt seccomp=unconfined");
}

void check_view(CheckList& checks, const MachineFacts& facts, const CheckupRequest& request) {
    checks.add(check_code::pid_namespace, facts.in_first_pid_namespace, false,
               facts.in_first_pid_namespace ? "unwait sees the processes of the whole machine"
                                            : "unwait sees only the processes of this container",
               "run it on the host: it needs nothing inside a container");
    checks.add(check_code::hidepid, !facts.processes_hidden, request.pids.empty(),
               facts.processes_hidden ? "/proc hides the processes of other users (hidepid)"
                                      : "/proc hides no process",
               "run as root or with CAP_SYS_PTRACE, or be in the group of /proc's gid= option");
    const std::string all = counted(facts.processes, "process", "processes") + " other than pid 1";
    checks.add(check_code::processes, facts.unreachable == 0, false,
               facts.unreachable == 0 ? "the fds of all " + all + " can be reached"
                                      : "the fds of " + std::to_string(facts.unreachable) + " of " +
                                            all + " cannot be reached",
               "unwait doctor --pid " + std::to_string(facts.first_unreachable) +
                   " says why of the first one");
}

}  // namespace

std::vector<Check> check_privileges(const MachineFacts& facts, const CheckupRequest& request) {
    CheckList checks(Subject::privileges);
    checks.tell(check_code::user,
                "unwait runs as " + facts.user + " (uid " + std::to_string(facts.uid) + ")");
    checks.add(check_code::user_namespace, facts.in_first_user_namespace, false,
               facts.in_first_user_namespace
                   ? "the first one: capabilities count for the whole machine"
                   : "not the first one: capabilities count only for what belongs to it",
               "run on the host for processes and network namespaces outside of it");
    check_capabilities(checks, facts, request);
    check_yama(checks, facts, request);
    check_own_filters(checks, facts);
    check_view(checks, facts, request);
    checks.add(check_code::realtime, facts.realtime.works, false, facts.realtime.why,
               "CAP_SYS_NICE, or RLIMIT_RTPRIO above 0 (LimitRTPRIO=1 in a unit); needed only on a "
               "busy machine");
    return checks.take();
}

}  // namespace unwait
