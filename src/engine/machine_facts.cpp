// SPDX-License-Identifier: MIT
#include "machine_facts.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include "credentials.hpp"
#include "namespaces.hpp"
#include "pidfd.hpp"
#include "proc_mount.hpp"
#include "process.hpp"
#include "socket_fds.hpp"
#include "system_log.hpp"
#include "text.hpp"
#include "trials.hpp"
#include "unwait/error.hpp"
#include "user.hpp"
#include "yama.hpp"

namespace unwait {

namespace {

bool may_duplicate_fds_of(pid_t pid) {
    try {
        const auto process = sys::PidFd::open(pid);
        if (process) process->check_get_fd();
        return true;
    } catch (const Error&) {
        return false;
    }
}

void count_processes(MachineFacts& facts) {
    for (const pid_t pid : proc::list_processes(proc::open_proc().get())) {
        const auto stat = proc::read_stat(pid);
        if (pid == 1 || pid == ::getpid() || !stat || stat->is_kernel_thread() ||
            stat->is_zombie()) {
            continue;
        }
        ++facts.processes;
        if (may_duplicate_fds_of(pid)) continue;
        if (facts.unreachable++ == 0) facts.first_unreachable = pid;
    }
}

}  // namespace

MachineFacts read_machine_facts() {
    MachineFacts facts;
    utsname names{};
    ::uname(&names);
    facts.release = names.release;
    facts.hardware = names.machine;
    facts.uid = ::geteuid();
    facts.user = proc::user_name(facts.uid);
    if (const auto own = proc::read_credentials("self")) {
        facts.capabilities = own->effective;
        facts.filters = own->filters;
    }
    facts.in_first_user_namespace = sys::in_first_namespace(sys::NamespaceKind::user);
    facts.in_first_pid_namespace = sys::in_first_namespace(sys::NamespaceKind::pid);
    facts.yama = sys::yama_scope();
    facts.processes_hidden = proc::hides_processes();
    facts.describes_types = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
    if (const auto obstacle = bpf::obstacle()) facts.no_finder = obstacle->why;
    facts.has_journal = has_journal();
    count_processes(facts);
    try_everything(facts);
    return facts;
}

}  // namespace unwait
