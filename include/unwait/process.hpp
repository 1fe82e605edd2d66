// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace unwait {

/// What identifies a process until the machine restarts.
struct ProcessId {
    pid_t pid = 0;
    std::uint64_t start_time = 0;  ///< clock ticks since boot, proc_pid_stat(5) field 22

    auto operator<=>(const ProcessId&) const = default;
};

/// Runtimes whose socket objects may close a number long after it was last used.
enum class Runtime : std::uint8_t { native, node, jvm, go, cpython };

/// A process as /proc shows it. Strings come from the process: any byte but NUL may be in them.
struct Process {
    ProcessId id;
    std::string command;                 ///< comm, at most 15 bytes (proc_pid_comm(5))
    std::string exe;                     ///< target of /proc/PID/exe, empty when it cannot be read
    uid_t uid = 0;                       ///< real uid
    std::string user;                    ///< name of uid, its digits when it has none
    std::string cgroup;                  ///< path in the unified hierarchy, empty when unknown
    std::string unit;                    ///< systemd unit from the cgroup, empty when there is none
    std::string container = {};          ///< its id or name, from the cgroup; empty: in none
    std::string container_runtime = {};  ///< "docker", "podman", "containerd", "cri-o", "lxc", …
    pid_t inner_pid = 0;                 ///< its pid in its own PID namespace, 0 when that is ours
    std::uint64_t netns = 0;
    pid_t parent = 0;
    pid_t tracer = 0;            ///< TracerPid
    char state = '?';            ///< proc_pid_stat(5) field 3
    std::uint64_t fd_count = 0;  ///< open fds
    std::uint64_t fd_limit = 0;  ///< soft RLIMIT_NOFILE, 0 when unknown
    Runtime runtime = Runtime::native;
    /// Why its fds cannot be duplicated from outside (pidfd_getfd(2)), so that `shutdown` is
    /// impossible and nothing can be held while it closes; empty when they can, or when nobody
    /// asked.
    std::string no_duplicates = {};
    /// Why `close` and `replace` cannot be carried out inside it; empty when nothing is known
    /// against it.
    std::string no_injection = {};

    bool operator==(const Process&) const = default;
};

/// Signs that the application still knows an fd's number.
struct FdUse {
    bool in_epoll = false;
    bool in_io_uring = false;
    bool thread_blocked = false;  ///< a thread waits in a call on it
    /// Its table has an epoll set or an io_uring. An event loop keeps what it knows by fd number,
    /// also of fds that it does not watch just now.
    bool beside_event_loop = false;

    auto operator<=>(const FdUse&) const = default;
};

/// One entry of one fd table.
struct HeldFd {
    pid_t tid = 0;  ///< a thread that uses the table: the pid, or a thread with a table of its own
    int fd = -1;
    FdUse use;  ///< all false unless the snapshot was asked for it

    auto operator<=>(const HeldFd&) const = default;
};

/// A process that holds a socket, by one fd or several.
struct Holder {
    std::shared_ptr<const Process> process;  ///< never null; one for all that it holds
    std::vector<HeldFd> fds;
    pid_t table_of = 0;  ///< an earlier holder with the same fd table (CLONE_FILES), 0 for none

    bool operator==(const Holder& other) const {
        return (process == other.process || *process == *other.process) && fds == other.fds &&
               table_of == other.table_of;
    }
};

/// All holders of one socket: never changed, and copied like a pointer.
class Holders {
public:
    Holders() = default;
    Holders(std::vector<Holder> all)  // NOLINT: they are holders
        : all_(all.empty() ? nullptr
                           : std::make_shared<const std::vector<Holder>>(std::move(all))) {}

    [[nodiscard]] const Holder* begin() const noexcept { return all_ ? all_->data() : nullptr; }
    [[nodiscard]] const Holder* end() const noexcept { return begin() + size(); }
    [[nodiscard]] std::size_t size() const noexcept { return all_ ? all_->size() : 0; }
    [[nodiscard]] bool empty() const noexcept { return !all_; }
    [[nodiscard]] const Holder& front() const noexcept { return all_->front(); }
    [[nodiscard]] const Holder& operator[](std::size_t at) const noexcept { return (*all_)[at]; }

    bool operator==(const Holders& other) const {
        return all_ == other.all_ || std::equal(begin(), end(), other.begin(), other.end());
    }

private:
    std::shared_ptr<const std::vector<Holder>> all_;
};

}  // namespace unwait
