// SPDX-License-Identifier: MIT
#include "process_tables.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <compare>
#include <string>
#include <utility>

#include "directory.hpp"
#include "fd.hpp"
#include "file_identity.hpp"
#include "text_scan.hpp"

namespace unwait::proc {
namespace {

bool has_one_thread(int directory) {
    constexpr nlink_t links_of_one = 3;  // two, and one for each thread
    struct stat status {};
    return ::fstatat(directory, "task", &status, 0) == 0 && status.st_nlink == links_of_one;
}

using KnownFds = std::span<const sys::KnownFd>;

/// Those in the table that is called by this thread.
KnownFds known_of(pid_t tid, KnownFds known) {
    return {std::ranges::lower_bound(known, tid, {}, &sys::KnownFd::tid),
            std::ranges::upper_bound(known, tid, {}, &sys::KnownFd::tid)};
}

/// Sorts the threads of one process by the tables they use.
class Sorter {
public:
    Sorter(int directory, const InodeSet& wanted, KnownFds known, FdTable leaders_table, pid_t pid)
        : directory_(directory), wanted_(wanted), known_(known) {
        process_.denied = leaders_table.reading == FdTable::Reading::denied;
        process_.tables.push_back({std::move(leaders_table), {pid}});
    }

    void add(pid_t tid);
    [[nodiscard]] ProcessTables result() && { return std::move(process_); }

private:
    /// Where in `order_` the thread's table is, or would be.
    [[nodiscard]] std::vector<std::size_t>::iterator place_of(pid_t tid);
    [[nodiscard]] ProcessTable* readable_table();
    void add_table(pid_t tid, std::vector<std::size_t>::iterator place);

    int directory_;
    const InodeSet& wanted_;
    KnownFds known_;
    ProcessTables process_;
    /// The tables beside the leader's, as the kernel sorts them: a thousand threads may have a
    /// thousand tables.
    std::vector<std::size_t> order_;
};

void Sorter::add(pid_t tid) {
    std::vector<ProcessTable>& tables = process_.tables;
    switch (sys::same_fd_table(tables.front().threads.front(), tid)) {
        case sys::Same::yes:
            tables.front().threads.push_back(tid);
            return;
        case sys::Same::unknown:
            // Nearly all threads share: take it as that, unless there is no table to share yet.
            if (ProcessTable* table = readable_table()) {
                process_.uncompared = true;
                table->threads.push_back(tid);
                return;
            }
            break;
        case sys::Same::no:
        case sys::Same::gone:
            break;
    }
    const auto place = place_of(tid);
    if (place != order_.end() &&
        sys::same_fd_table(tables[*place].threads.front(), tid) == sys::Same::yes) {
        tables[*place].threads.push_back(tid);
        return;
    }
    add_table(tid, place);
}

std::vector<std::size_t>::iterator Sorter::place_of(pid_t tid) {
    return std::ranges::partition_point(order_, [this, tid](std::size_t table) {
        return sys::order_of_fd_tables(process_.tables[table].threads.front(), tid) ==
               std::strong_ordering::less;
    });
}

ProcessTable* Sorter::readable_table() {
    const auto found = std::ranges::find_if(process_.tables, [](const ProcessTable& table) {
        return table.content.reading == FdTable::Reading::complete && table.content.open_fds > 0;
    });
    return found == process_.tables.end() ? nullptr : &*found;
}

void Sorter::add_table(pid_t tid, std::vector<std::size_t>::iterator place) {
    const std::string path = "task/" + std::to_string(tid) + "/fd";
    FdTable content = read_fd_table(directory_, path.c_str(), wanted_, known_of(tid, known_));
    process_.denied = process_.denied || content.reading == FdTable::Reading::denied;
    if (content.reading != FdTable::Reading::complete) return;
    order_.insert(place, process_.tables.size());
    process_.tables.push_back({std::move(content), {tid}});
}

}  // namespace

ProcessTables read_process_tables(int directory, pid_t pid, const InodeSet& wanted,
                                  KnownFds known) {
    FdTable leaders_table = read_fd_table(directory, "fd", wanted, known_of(pid, known));
    if (leaders_table.reading == FdTable::Reading::gone) return {};
    Sorter sorter(directory, wanted, known, std::move(leaders_table), pid);
    if (has_one_thread(directory)) return std::move(sorter).result();

    const sys::Fd tasks(::openat(directory, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!tasks) return std::move(sorter).result();
    sys::for_each_numbered(tasks.get(), [&](const char* name) {
        const pid_t tid = sys::to_number<pid_t>(name).value_or(pid);
        if (tid != pid) sorter.add(tid);
    });
    return std::move(sorter).result();
}

}  // namespace unwait::proc
