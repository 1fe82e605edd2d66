// SPDX-License-Identifier: MIT
#include "socket_fds.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <utility>

#include "calls.hpp"
#include "fd.hpp"
#include "programs.h"
#include "socket_fd.h"

namespace unwait::bpf {
namespace {

/// Which inodes it is to look for. Returns 0 or an errno value.
int want(int map, std::span<const std::uint64_t> inodes) {
    std::vector<std::uint8_t> bits(UNWAIT_WANTED_BYTES);
    for (const std::uint64_t inode : inodes) {
        const std::uint64_t bit = inode % UNWAIT_WANTED_BITS;
        bits[bit / 8] = static_cast<std::uint8_t>(bits[bit / 8] | 1U << bit % 8);
    }
    const std::uint32_t only = 0;
    return update_map(map, &only, bits.data());
}

/// Appends all records. Returns 0 or an errno value.
int read_all(int walk, std::vector<unwait_socket_fd>& records) {
    std::array<unwait_socket_fd, 1024> buffer;
    for (;;) {
        const ssize_t length = ::read(walk, buffer.data(), sizeof buffer);
        if (length == 0) return 0;
        // EAGAIN: a million fds without one to tell of.
        if (length < 0 && errno != EAGAIN && errno != EINTR) return errno;
        if (length < 0) continue;
        const auto count = static_cast<std::size_t>(length) / sizeof(unwait_socket_fd);
        records.insert(records.end(), buffer.begin(),
                       buffer.begin() + static_cast<std::ptrdiff_t>(count));
    }
}

/// The kernel leaves out threads that share the table of their leader. Where that has exited, each
/// of its threads tells of the same table.
std::vector<sys::KnownFd> one_for_each_table(const std::vector<unwait_socket_fd>& records,
                                             std::span<const std::uint64_t> inodes) {
    std::vector<std::uint64_t> wanted(inodes.begin(), inodes.end());
    std::ranges::sort(wanted);
    std::map<std::pair<pid_t, std::uint64_t>, pid_t> first_thread;
    for (const auto& record : records) {
        const auto thread = first_thread.try_emplace({record.pid, record.table}, record.tid).first;
        thread->second = std::min(thread->second, record.tid);
    }
    std::vector<sys::KnownFd> fds;
    fds.reserve(records.size());
    for (const auto& record : records) {
        if (first_thread.at({record.pid, record.table}) == record.tid &&
            std::ranges::binary_search(wanted, record.inode)) {
            fds.push_back(
                {record.pid, record.tid, static_cast<int>(record.fd), std::uint64_t{record.inode}});
        }
    }
    std::ranges::sort(fds);
    return fds;
}

}  // namespace

std::variant<std::vector<sys::KnownFd>, Unavailable> find_socket_fds(
    std::span<const std::uint64_t> inodes) {
    if (auto obstacle = known_obstacle()) return std::move(*obstacle);
    unwait_socket_fds loaded{};
    if (const int error = -unwait_load_socket_fds(&loaded); error != 0) {
        return unavailable("load of a BPF program (Linux 5.17)", error);
    }
    const sys::Fd program(loaded.program);
    const sys::Fd wanted(loaded.wanted);
    if (const int error = want(wanted.get(), inodes); error != 0) {
        return unavailable("write of a BPF map", error);
    }
    const sys::Fd link = attach_iterator(program.get());
    const sys::Fd walk(link ? run_iterator(link.get()) : sys::Fd());
    if (!walk) return unavailable("start of the BPF iterator task_file", errno);
    std::vector<unwait_socket_fd> records;
    if (const int error = read_all(walk.get(), records); error != 0) {
        return unavailable("read of the BPF iterator task_file", error);
    }
    return one_for_each_table(records, inodes);
}

std::optional<Unavailable> obstacle() {
    auto found = find_socket_fds({});
    if (auto* why = std::get_if<Unavailable>(&found)) return std::move(*why);
    return std::nullopt;
}

}  // namespace unwait::bpf
