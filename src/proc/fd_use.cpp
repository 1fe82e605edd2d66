// SPDX-License-Identifier: MIT
#include "fd_use.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "blocked_call.hpp"
#include "fd_info.hpp"
#include "file.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {
namespace {

constexpr std::size_t longest_fdinfo = std::size_t{1} << 28;  // 3 million members of an epoll set

std::string path_of(pid_t tid, const char* file) {
    return "task/" + std::to_string(tid) + '/' + file;
}

/// Absent when it has gone; `denied` is set when it is there and may not be read.
std::optional<std::string> read_text(int directory, const std::string& path, bool& denied) {
    try {
        return sys::read_file(directory, path.c_str(), longest_fdinfo);
    } catch (const Error& error) {
        if (!error.is_denial()) throw;
        denied = true;
        return std::nullopt;
    }
}

std::optional<std::string> read_fdinfo(int directory, pid_t tid, int fd, bool& denied) {
    return read_text(directory, path_of(tid, "fdinfo/") + std::to_string(fd), denied);
}

template <typename Value>
bool contains(const std::vector<Value>& sorted, Value value) {
    return std::ranges::binary_search(sorted, value);
}

}  // namespace

TableUse TableUse::read(int directory, std::span<const pid_t> threads, const FdTable& table) {
    TableUse use;
    use.has_event_loop_ = !table.epolls.empty() || !table.rings.empty();
    for (const int epoll : table.epolls) use.read_epoll(directory, threads.front(), epoll);
    for (const int ring : table.rings) use.read_ring(directory, threads.front(), ring);
    for (const pid_t tid : threads) use.read_blocked_call(directory, tid);
    use.sort();
    return use;
}

void TableUse::read_epoll(int directory, pid_t tid, int epoll) {
    bool denied = false;
    const auto text = read_fdinfo(directory, tid, epoll, denied);
    if (denied) complete_ = false;
    if (!text) return;
    for (const EpollMember& member : parse_epoll_fdinfo(*text)) {
        if (member.inode) {
            epoll_inodes_.push_back(*member.inode);
        } else {
            epoll_fds_.push_back(member.fd);
        }
    }
}

void TableUse::read_ring(int directory, pid_t tid, int ring) {
    bool denied = false;
    const auto text = read_fdinfo(directory, tid, ring, denied);
    if (denied) complete_ = false;
    if (!text) return;
    const auto inodes = parse_io_uring_fdinfo(*text).inodes;
    ring_inodes_.insert(ring_inodes_.end(), inodes.begin(), inodes.end());
}

void TableUse::read_blocked_call(int directory, pid_t tid) {
    bool denied = false;
    const auto text = read_text(directory, path_of(tid, "syscall"), denied);
    if (denied) complete_ = false;
    const auto call = text ? parse_syscall(*text) : std::nullopt;
    if (!call) return;
    if (const auto fds = fds_awaited(tid, *call)) {
        awaited_fds_.insert(awaited_fds_.end(), fds->begin(), fds->end());
    } else {
        complete_ = false;
    }
}

void TableUse::sort() {
    std::ranges::sort(epoll_inodes_);
    std::ranges::sort(epoll_fds_);
    std::ranges::sort(ring_inodes_);
    std::ranges::sort(awaited_fds_);
}

FdUse TableUse::of(const FdTable::Match& held) const {
    return {.in_epoll = contains(epoll_inodes_, held.inode) || contains(epoll_fds_, held.fd),
            .in_io_uring = contains(ring_inodes_, held.inode),
            .thread_blocked = contains(awaited_fds_, held.fd),
            .beside_event_loop = has_event_loop_};
}

}  // namespace unwait::proc
