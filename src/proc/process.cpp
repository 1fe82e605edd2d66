// SPDX-License-Identifier: MIT
#include "process.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "cgroup.hpp"
#include "container.hpp"
#include "directory.hpp"
#include "file.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"
#include "user.hpp"

namespace unwait::proc {
namespace {

std::string directory_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

std::optional<sys::Fd> open_process(pid_t pid) {
    return sys::open_directory(AT_FDCWD, directory_of(pid).c_str());
}

std::uint64_t count_fds(int directory) {
    sys::Fd fds(::openat(directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!fds || ::fstat(fds.get(), &status) != 0) return 0;
    if (status.st_size > 0) return static_cast<std::uint64_t>(status.st_size);  // since Linux 6.2
    std::uint64_t count = 0;
    sys::for_each_numbered(fds.get(), [&count](const char*) { ++count; });
    return count;
}

template <std::integral Number>
Number first_number(std::optional<std::string_view> field) {
    if (!field) return 0;
    return sys::to_number<Number>(sys::take_word(*field)).value_or(0);
}

}  // namespace

std::uint64_t parse_fd_limit(std::string_view text) {
    constexpr std::string_view name = "Max open files";
    while (!text.empty()) {
        std::string_view line = sys::take_until(text, '\n');
        if (!line.starts_with(name)) continue;
        line.remove_prefix(name.size());
        const std::string_view soft = sys::take_word(line);
        if (soft == "unlimited") return std::numeric_limits<std::uint64_t>::max();
        return sys::to_number<std::uint64_t>(soft).value_or(0);
    }
    return 0;
}

pid_t parse_inner_pid(std::string_view field) {
    pid_t inner = 0;
    static_cast<void>(sys::take_word(field));  // the one that we see it by
    for (auto word = sys::take_word(field); !word.empty(); word = sys::take_word(field)) {
        inner = sys::to_number<pid_t>(word).value_or(0);
    }
    return inner;
}

std::optional<sys::Stat> read_stat_at(int directory) {
    const auto text = sys::read_file(directory, "stat");
    return text ? sys::parse_stat(*text) : std::nullopt;
}

std::optional<sys::Stat> read_stat(pid_t pid) {
    const auto text = sys::read_file(directory_of(pid) + "/stat");
    return text ? sys::parse_stat(*text) : std::nullopt;
}

std::optional<ProcessId> read_id(pid_t pid) {
    const auto stat = read_stat(pid);
    if (!stat) return std::nullopt;
    return ProcessId{stat->pid, stat->start_time};
}

std::optional<sys::Fd> open_live_thread(int directory) {
    const auto tasks = sys::open_directory(directory, "task");
    if (!tasks) return std::nullopt;
    std::optional<sys::Fd> live;
    sys::for_each_numbered(tasks->get(), [&](const char* tid) {  // the leader comes first
        if (live) return;
        auto thread = sys::open_directory(tasks->get(), tid);
        const auto stat = thread ? read_stat_at(thread->get()) : std::nullopt;
        if (stat && !stat->is_zombie()) live = std::move(thread);
    });
    return live;
}

std::optional<Process> read_process_at(int directory) {
    const auto stat = read_stat_at(directory);
    if (!stat) return std::nullopt;
    const auto live = stat->is_zombie() ? open_live_thread(directory) : std::nullopt;
    const int source = live ? live->get() : directory;  // a zombie has neither files nor memory

    Process process;
    process.id = {stat->pid, stat->start_time};
    process.command = stat->command;
    process.state = stat->state;
    process.parent = stat->parent;
    process.exe = sys::link_or_empty(source, "exe");
    const std::string status = sys::text_or_empty(directory, "status");
    process.uid = first_number<uid_t>(sys::status_field(status, "Uid"));
    process.tracer = first_number<pid_t>(sys::status_field(status, "TracerPid"));
    process.user = user_name(process.uid);
    process.cgroup = parse_cgroup(sys::text_or_empty(source, "cgroup"));
    process.unit = unit_of_cgroup(process.cgroup);
    Container container = container_of_cgroup(process.cgroup);
    process.container = std::move(container.id);
    process.container_runtime = std::move(container.runtime);
    process.inner_pid = parse_inner_pid(sys::status_field(status, "NSpid").value_or(""));
    process.netns =
        sys::bracketed_number(sys::link_or_empty(source, "ns/net"), "net:[").value_or(0);
    process.fd_count = count_fds(source);
    process.fd_limit = parse_fd_limit(sys::text_or_empty(directory, "limits"));
    return process;
}

std::optional<Process> read_process(pid_t pid) {
    const auto directory = open_process(pid);
    return directory ? read_process_at(directory->get()) : std::nullopt;
}

std::vector<pid_t> ancestors_of(pid_t pid) {
    std::vector<pid_t> ancestors;
    for (auto stat = read_stat(pid); stat && stat->parent > 0; stat = read_stat(stat->parent)) {
        // Parents that exit while we climb may lead back to somebody we have met.
        if (std::ranges::find(ancestors, stat->parent) != ancestors.end()) break;
        ancestors.push_back(stat->parent);
    }
    return ancestors;
}

std::string boot_id() {
    const char* path = "/proc/sys/kernel/random/boot_id";
    auto text = sys::read_file(path);
    if (!text) throw Error(ENOENT, std::string("read of ") + path);
    std::string_view rest = *text;
    return std::string(sys::take_word(rest));
}

std::uint64_t netns_of(pid_t pid) {
    const auto directory = open_process(pid);
    if (!directory) return 0;
    return sys::bracketed_number(sys::link_or_empty(directory->get(), "ns/net"), "net:[")
        .value_or(0);
}

}  // namespace unwait::proc
