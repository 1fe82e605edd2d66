// SPDX-License-Identifier: MIT
#include "holders.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "fd_info.hpp"
#include "fd_table.hpp"
#include "file.hpp"
#include "parallel.hpp"
#include "proc_mount.hpp"
#include "process_scan.hpp"
#include "unwait/error.hpp"

namespace unwait::proc {
namespace {

/// What `scan` finds for each of these processes, in order, whichever thread found it.
template <typename Of, typename Scan>
std::vector<ProcessScan> scan_each(const std::vector<Of>& processes, Scan&& scan) {
    std::vector<ProcessScan> scans(processes.size());
    constexpr std::size_t worth_a_thread = 16;
    sys::in_parallel(processes.size(), worth_a_thread,
                     [&](std::size_t at) { scans[at] = scan(processes[at]); });
    return scans;
}

void add_holders(HolderScan& result, ProcessScan& scan) {
    if (!scan.process) return;
    const auto process = std::make_shared<const Process>(std::move(*scan.process));
    for (auto at = scan.held.begin(); at != scan.held.end();) {
        const auto end = std::find_if(at, scan.held.end(), [at](const ProcessScan::Held& held) {
            return held.inode != at->inode;
        });
        Holder& holder =
            result.by_inode[at->inode].emplace_back(Holder{process, std::vector<HeldFd>()});
        holder.fds.reserve(static_cast<std::size_t>(end - at));
        for (; at != end; ++at) holder.fds.push_back(at->fd);
    }
}

BlindSpot hidden_processes() {
    return {std::string(blind_spot::process_unreadable), 0,
            "/proc is mounted with hidepid and may hide processes: run as root, or with "
            "CAP_SYS_PTRACE"};
}

BlindSpot uncompared_threads(std::size_t processes) {
    return {std::string(blind_spot::threads_unreadable), 0,
            "kcmp(2) does not say whether threads of " + std::to_string(processes) +
                (processes == 1 ? " process" : " processes") +
                " have fd tables of their own: run as root, or with CAP_SYS_PTRACE, on a kernel "
                "with CONFIG_KCMP"};
}

/// `scans` by inode instead of by process.
HolderScan joined(std::vector<ProcessScan> scans, const InodeSet& wanted) {
    HolderScan result;
    result.by_inode.reserve(wanted.size());
    const auto uncompared = std::ranges::count_if(scans, &ProcessScan::uncompared);
    if (uncompared > 0) {
        result.blind_spots.push_back(uncompared_threads(static_cast<std::size_t>(uncompared)));
    }
    for (ProcessScan& scan : scans) {
        add_holders(result, scan);
        std::ranges::move(scan.blind_spots, std::back_inserter(result.blind_spots));
    }
    return result;
}

}  // namespace

HolderScan scan_holders(std::span<const std::uint64_t> inodes, bool with_use) {
    const InodeSet wanted(inodes);
    if (wanted.size() == 0) return {};
    const sys::Fd proc = open_proc();
    HolderScan result = joined(
        scan_each(list_processes(proc.get()),
                  [&](pid_t pid) { return scan_process(proc.get(), pid, wanted, with_use); }),
        wanted);
    if (hides_processes()) {
        result.blind_spots.insert(result.blind_spots.begin(), hidden_processes());
    }
    return result;
}

HolderScan describe_holders(std::span<const sys::KnownFd> known,
                            std::span<const std::uint64_t> inodes, bool with_use) {
    const InodeSet wanted(inodes);
    if (known.empty()) return {};
    const sys::Fd proc = open_proc();
    std::vector<std::span<const sys::KnownFd>> processes;
    for (auto rest = known; !rest.empty(); rest = rest.subspan(processes.back().size())) {
        const auto other = std::ranges::find_if(
            rest, [&rest](const sys::KnownFd& fd) { return fd.pid != rest.front().pid; });
        processes.push_back(rest.first(static_cast<std::size_t>(other - rest.begin())));
    }
    return joined(scan_each(processes,
                            [&](std::span<const sys::KnownFd> fds) {
                                return describe_process(proc.get(), fds, wanted, with_use);
                            }),
                  wanted);
}

bool is_close_on_exec(pid_t pid, const HeldFd& held) {
    try {
        const auto text =
            sys::read_file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(held.tid) +
                           "/fdinfo/" + std::to_string(held.fd));
        return text && parse_close_on_exec(*text).value_or(false);
    } catch (const Error&) {
        return false;
    }
}

}  // namespace unwait::proc
