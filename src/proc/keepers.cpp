// SPDX-License-Identifier: MIT
#include "keepers.hpp"

#include <fcntl.h>

#include <string>
#include <string_view>
#include <utility>

#include "blocked_call.hpp"
#include "call_name.hpp"
#include "directory.hpp"
#include "fd_info.hpp"
#include "fd_table.hpp"
#include "file.hpp"
#include "proc_mount.hpp"
#include "process.hpp"
#include "text_scan.hpp"

namespace unwait::proc {
namespace {

constexpr std::size_t longest_text = std::size_t{1} << 26;

/// Looks through one process.
class Search {
public:
    Search(int directory, pid_t pid, const InodeSet& wanted, const InodeSet& queues,
           std::vector<Keeper>& found)
        : directory_(directory), pid_(pid), wanted_(wanted), queues_(queues), found_(found) {}

    void run();

private:
    void look_at_table();
    void look_at_mappings();
    void look_at_thread(const std::string& task);
    [[nodiscard]] bool may_be_pinned(const std::string& task, int fd) const;
    void add(Keeper keeper);

    int directory_;
    pid_t pid_;
    const InodeSet& wanted_;
    const InodeSet& queues_;
    std::vector<Keeper>& found_;
};

void Search::run() {
    look_at_table();
    look_at_mappings();
    const auto tasks = sys::open_directory(directory_, "task");
    if (!tasks) return;
    sys::for_each_numbered(tasks->get(),
                           [this](const char* tid) { look_at_thread("task/" + std::string(tid)); });
}

void Search::look_at_table() {
    const FdTable table = read_fd_table(directory_, "fd", queues_);
    for (const int ring : table.rings) {
        const std::string text =
            sys::text_or_empty(directory_, "fdinfo/" + std::to_string(ring), longest_text);
        const RegisteredSockets sockets = parse_io_uring_fdinfo(text);
        for (const std::uint64_t inode : sockets.inodes) {
            if (!wanted_.contains(inode)) continue;
            add({.kind = Keeper::Kind::io_uring, .inode = inode, .pid = pid_, .fd = ring});
        }
        if (sockets.unnamed == 0) continue;
        add({.kind = Keeper::Kind::io_uring, .pid = pid_, .fd = ring, .count = sockets.unnamed});
    }
    for (const FdTable::Match& match : table.matches) {
        const std::string text =
            sys::text_or_empty(directory_, "fdinfo/" + std::to_string(match.fd), longest_text);
        const std::uint64_t count = parse_fds_in_flight(text);
        if (count == 0) continue;
        add({.kind = Keeper::Kind::unix_queue, .pid = pid_, .fd = match.fd, .count = count});
    }
}

void Search::look_at_mappings() {
    const std::string text = sys::text_or_empty(directory_, "maps", longest_text);
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view line = sys::take_until(rest, '\n');
        const auto at = line.rfind("socket:[");
        if (at == std::string_view::npos) continue;
        const auto inode = parse_socket_link(line.substr(at));
        if (!inode || !wanted_.contains(*inode)) continue;
        add({.kind = Keeper::Kind::mapping, .inode = *inode, .pid = pid_});
        return;
    }
}

void Search::look_at_thread(const std::string& task) {
    const auto call = parse_syscall(sys::text_or_empty(directory_, task + "/syscall"));
    if (!call) return;
    const pid_t tid = sys::to_number<pid_t>(std::string_view(task).substr(5)).value_or(pid_);
    for (const int fd : fds_awaited(tid, *call).value_or(std::vector<int>())) {
        if (!may_be_pinned(task, fd)) continue;
        add({.kind = Keeper::Kind::blocked_thread,
             .tid = tid,
             .fd = fd,
             .call = call_name(call->number),
             .waits = waits_of(*call)});
    }
}

/// Whether the thread waits in TCP for something else than what the fd leads to now.
bool Search::may_be_pinned(const std::string& task, int fd) const {
    const std::string link = sys::link_or_empty(directory_, task + "/fd/" + std::to_string(fd));
    const std::string stack =
        sys::text_or_empty(directory_, task + "/stack");  // of the kernel; root only
    const auto is_in = [&stack](std::string_view what) {
        return stack.find(what) != std::string::npos;
    };
    if (!link.empty()) return !link.starts_with("socket:[") && is_in("tcp_");
    return stack.empty() || is_in("tcp_") || is_in("do_sys_poll") || is_in("do_select");
}

void Search::add(Keeper keeper) {
    const auto stat = read_stat_at(directory_);
    if (!stat) return;
    keeper.pid = pid_;
    keeper.command = stat->command;
    keeper.netns =
        sys::bracketed_number(sys::link_or_empty(directory_, "ns/net"), "net:[").value_or(0);
    found_.push_back(std::move(keeper));
}

}  // namespace

std::vector<Keeper> find_keepers(std::span<const std::uint64_t> inodes,
                                 std::span<const std::uint64_t> queues) {
    std::vector<Keeper> found;
    if (inodes.empty()) return found;
    const InodeSet wanted(inodes);
    const InodeSet unix_sockets(queues);
    const sys::Fd proc = open_proc();
    for (const pid_t pid : list_processes(proc.get())) {
        const sys::Fd directory(::openat(proc.get(), std::to_string(pid).c_str(),
                                         O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
        if (directory) Search(directory.get(), pid, wanted, unix_sockets, found).run();
    }
    return found;
}

}  // namespace unwait::proc
