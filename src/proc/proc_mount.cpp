// SPDX-License-Identifier: MIT
#include "proc_mount.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "credentials.hpp"
#include "directory.hpp"
#include "file.hpp"
#include "proc_text.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {
namespace {

bool may_trace_everyone() {
    const auto own = read_credentials("self");
    return own && (own->effective >> CAP_SYS_PTRACE & 1U) != 0;
}

bool is_member_of(gid_t group) {
    if (::getegid() == group) return true;
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::max(0, count)));
    return std::ranges::find(groups, group) != groups.end();
}

}  // namespace

sys::Fd open_proc() {
    auto proc = sys::open_directory(AT_FDCWD, "/proc");
    struct statfs filesystem {};
    if (!proc || ::fstatfs(proc->get(), &filesystem) != 0 ||
        filesystem.f_type != PROC_SUPER_MAGIC) {
        throw Error(ENOENT, "no process can be seen: mount procfs (mount -t proc proc /proc)");
    }
    if (sys::read_link(proc->get(), "self") != std::to_string(::getpid())) {
        throw Error(ESRCH,
                    "/proc belongs to another PID namespace: run there (nsenter -t 1 -p -m), "
                    "or mount our own (mount -t proc proc /proc)");
    }
    return std::move(*proc);
}

std::vector<pid_t> list_processes(int proc) {
    std::vector<pid_t> pids;
    const int error = sys::for_each_numbered(proc, [&pids](const char* name) {
        if (const auto pid = sys::to_number<pid_t>(name)) pids.push_back(*pid);
    });
    if (error != 0) throw Error(error, "list of /proc");
    return pids;
}

Hiding parse_hiding(std::string_view mounts) {
    Hiding hiding;
    while (!mounts.empty()) {
        std::string_view line = sys::take_until(mounts, '\n');  // device, directory, type, options
        static_cast<void>(sys::take_word(line));
        if (sys::take_word(line) != "/proc" || sys::take_word(line) != "proc") continue;
        hiding = {};  // a later mount covers the earlier
        std::string_view options = sys::take_word(line);
        while (!options.empty()) {
            std::string_view value = sys::take_until(options, ',');
            const std::string_view name = sys::take_until(value, '=');
            if (name == "gid") hiding.group = sys::to_number<gid_t>(value);
            if (name != "hidepid") continue;
            hiding.hides = value != "0" && value != "off" && value != "1" && value != "noaccess";
        }
    }
    return hiding;
}

bool hides_processes() {
    const Hiding hiding = parse_hiding(sys::read_file("/proc/self/mounts").value_or(std::string()));
    if (!hiding.hides || may_trace_everyone()) return false;
    return !hiding.group || !is_member_of(*hiding.group);
}

}  // namespace unwait::proc
