// SPDX-License-Identifier: MIT
#include "process_scan.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "fd.hpp"
#include "fd_use.hpp"
#include "file.hpp"
#include "process.hpp"
#include "process_tables.hpp"
#include "runtime.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {
namespace {

/// A denied process, or nothing when there is nothing to be denied: kernel threads and zombies have
/// no fds.
std::optional<BlindSpot> unreadable(int directory, pid_t pid, bool has_threads) {
    std::string name = "pid " + std::to_string(pid);
    try {
        const auto stat = read_stat_at(directory);
        if (!stat || stat->is_kernel_thread()) return std::nullopt;
        if (stat->is_zombie() && !has_threads) return std::nullopt;
        name += " (" + stat->command + ")";
    } catch (const Error& error) {  // hidepid=noaccess: its number is all that is shown
        if (!error.is_denial()) throw;
    }
    return BlindSpot{std::string(blind_spot::process_unreadable), pid,
                     "the fds of " + name +
                         " may not be read: run as root, or with CAP_SYS_PTRACE and "
                         "CAP_DAC_READ_SEARCH in its user namespace"};
}

BlindSpot use_unreadable(const Process& process) {
    return {std::string(blind_spot::use_unreadable), process.id.pid,
            "how pid " + std::to_string(process.id.pid) + " (" + process.command +
                ") uses its fds may not be read: run as root, or with CAP_SYS_PTRACE and "
                "CAP_DAC_READ_SEARCH in its user namespace"};
}

bool holds_anything(const ProcessTables& tables) {
    return std::ranges::any_of(
        tables.tables, [](const ProcessTable& table) { return !table.content.matches.empty(); });
}

void collect(ProcessScan& scan, const ProcessTable& table) {
    for (const FdTable::Match& match : table.content.matches) {
        HeldFd held;
        held.tid = table.threads.front();
        held.fd = match.fd;
        scan.held.push_back({match.inode, held});
    }
}

/// Whether all uses could be read.
bool collect_with_use(ProcessScan& scan, const ProcessTable& table, int directory) {
    if (table.content.matches.empty()) return true;
    const pid_t tid = table.threads.front();
    const TableUse use = TableUse::read(directory, table.threads, table.content);
    for (const FdTable::Match& match : table.content.matches) {
        scan.held.push_back({match.inode, {tid, match.fd, use.of(match)}});
    }
    return use.is_complete();
}

Runtime runtime_of_process(int directory, const Process& process) {
    if (process.state != 'Z') return runtime_of(directory, process.exe);
    const auto live = open_live_thread(directory);
    return live ? runtime_of(live->get(), process.exe) : Runtime::native;
}

void describe_use(ProcessScan& scan, const ProcessTables& tables, int directory) {
    bool complete = true;
    for (const ProcessTable& table : tables.tables) {
        complete = collect_with_use(scan, table, directory) && complete;
    }
    if (!complete) scan.blind_spots.push_back(use_unreadable(*scan.process));
    scan.process->runtime = runtime_of_process(directory, *scan.process);
}

/// Without a value when it is gone.
sys::Fd open_process(int proc, pid_t pid) {
    const std::string name = std::to_string(pid);
    sys::Fd directory(::openat(proc, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!directory && errno != ENOENT && errno != ESRCH)
        throw Error(errno, "open of /proc/" + name);
    return directory;
}

/// Whether the fd leads to its socket still, or that may not be read. The pid could mean another
/// process by now.
bool is_still_there(int directory, const sys::KnownFd& known) {
    const std::string path =
        "task/" + std::to_string(known.tid) + "/fd/" + std::to_string(known.fd);
    try {
        const auto link = sys::read_link(directory, path.c_str());
        return link && parse_socket_link(*link) == known.inode;
    } catch (const Error& error) {
        return error.is_denial();
    }
}

/// `directory` is an open /proc/PID.
ProcessScan scan_opened(int directory, pid_t pid, const InodeSet& wanted,
                        std::span<const sys::KnownFd> known, bool with_use) {
    ProcessScan scan;
    const ProcessTables tables = read_process_tables(directory, pid, wanted, known);
    scan.uncompared = tables.uncompared;
    if (tables.denied) {
        if (auto spot = unreadable(directory, pid, tables.tables.size() > 1)) {
            scan.blind_spots.push_back(std::move(*spot));
        }
    }
    if (!holds_anything(tables)) return scan;
    scan.process = read_process_at(directory);
    if (!scan.process) return scan;
    if (with_use) {
        describe_use(scan, tables, directory);
    } else {
        for (const ProcessTable& table : tables.tables) collect(scan, table);
    }
    std::ranges::sort(scan.held);
    return scan;
}

}  // namespace

ProcessScan scan_process(int proc, pid_t pid, const InodeSet& wanted, bool with_use) {
    const sys::Fd directory = open_process(proc, pid);
    return directory ? scan_opened(directory.get(), pid, wanted, {}, with_use) : ProcessScan();
}

ProcessScan describe_process(int proc, std::span<const sys::KnownFd> fds, const InodeSet& wanted,
                             bool with_use) {
    ProcessScan scan;
    const pid_t pid = fds.front().pid;
    const sys::Fd directory = open_process(proc, pid);
    if (!directory) return scan;
    const bool is_known = is_still_there(directory.get(), fds.front());
    if (!is_known) fds = {};
    if (!is_known || with_use) return scan_opened(directory.get(), pid, wanted, fds, with_use);
    scan.process = read_process_at(directory.get());
    scan.held.reserve(fds.size());
    for (const sys::KnownFd& fd : fds) {
        scan.held.push_back({fd.inode, {.tid = fd.tid, .fd = fd.fd, .use = {}}});
    }
    std::ranges::sort(scan.held);
    return scan;
}

}  // namespace unwait::proc
