// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>

#include "checkup.hpp"
#include "text.hpp"

namespace unwait {
namespace {

constexpr int cap_sys_ptrace = 19;

Denial of_this_machine(const MachineFacts& machine) {
    if (machine.duplicates.error == ENOSYS) {
        return {"the kernel has no pidfd_getfd(2), or hides it",
                "Linux 5.6 or later, or a seccomp profile that allows it; else --actions close"};
    }
    return {
        "unwait may not even do that to a process of its own: the seccomp filter or the "
        "security module that it runs under forbids it",
        "run it outside of the container, or with --cap-add SYS_PTRACE and --security-opt "
        "seccomp=unconfined"};
}

}  // namespace

Denial explain_denial(const MachineFacts& machine, const ProcessFacts& facts, int error) {
    const std::string as_root = "run as root, or with CAP_SYS_PTRACE";
    const bool may_trace = machine.may(cap_sys_ptrace);
    const int scope = machine.yama.value_or(0);
    if (scope >= 3) {
        return {"kernel.yama.ptrace_scope is " + std::to_string(scope) +
                    ": nobody may trace any process until the next boot",
                "boot with another value; until then --actions destroy, term or kill"};
    }
    const bool is_even_denied_to_children =
        !machine.duplicates.works && machine.duplicates.error == error && scope < 2;
    if (is_even_denied_to_children) return of_this_machine(machine);
    const bool is_foreign = facts.process && facts.process->uid != machine.uid;
    if (!may_trace && is_foreign) {
        return {"it belongs to " + printable(facts.process->user) + ", and unwait, run by " +
                    printable(machine.user) + ", lacks CAP_SYS_PTRACE",
                "run as that user or as root, or with CAP_SYS_PTRACE and CAP_DAC_OVERRIDE"};
    }
    if (may_trace && !machine.in_first_user_namespace &&
        !facts.same_user_namespace.value_or(false)) {
        return {"it is outside of the user namespace in which unwait has CAP_SYS_PTRACE",
                "run as root in the first user namespace (on the host)"};
    }
    if (!may_trace && facts.dumpable == false) {
        return {"it keeps its memory from others (PR_SET_DUMPABLE, or a program with privileges)",
                as_root};
    }
    if (!may_trace && scope > 0) {
        return {"kernel.yama.ptrace_scope is " + std::to_string(scope) +
                    ", and unwait lacks CAP_SYS_PTRACE",
                as_root + ", or sysctl -w kernel.yama.ptrace_scope=0"};
    }
    if (!may_trace && facts.has_more_capabilities) {
        return {"it has capabilities that unwait lacks", as_root};
    }
    return {
        "the kernel does not let unwait trace it: a security module (SELinux, AppArmor, "
        "Landlock) or another namespace stands against it",
        "look for the denial in the kernel's log (journalctl -k, ausearch -m AVC); run on the "
        "host as root, unconfined"};
}

}  // namespace unwait
