// SPDX-License-Identifier: MIT
#include "process_tables.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

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

/// The table that the thread shares, or null. `uncompared` is set when that cannot be known.
ProcessTable* find_shared(std::vector<ProcessTable>& tables, pid_t tid, bool& uncompared) {
    for (ProcessTable& table : tables) {
        const sys::Same same = sys::same_fd_table(table.threads.front(), tid);
        if (same == sys::Same::yes) return &table;
        uncompared = uncompared || same == sys::Same::unknown;
    }
    return nullptr;
}

ProcessTable* find_filled(std::vector<ProcessTable>& tables) {
    const auto found = std::ranges::find_if(tables, [](const ProcessTable& table) {
        return table.content.reading == FdTable::Reading::complete && table.content.open_fds > 0;
    });
    return found == tables.end() ? nullptr : &*found;
}

void add_thread(ProcessTables& process, int directory, pid_t tid, const InodeSet& wanted) {
    bool uncompared = false;
    ProcessTable* table = find_shared(process.tables, tid, uncompared);
    if (table == nullptr && uncompared) {
        // Nearly all threads share: take it as that, unless there is no table to share yet.
        table = find_filled(process.tables);
        process.uncompared = process.uncompared || table != nullptr;
    }
    if (table != nullptr) {
        table->threads.push_back(tid);
        return;
    }
    const std::string path = "task/" + std::to_string(tid) + "/fd";
    FdTable content = read_fd_table(directory, path.c_str(), wanted);
    process.denied = process.denied || content.reading == FdTable::Reading::denied;
    if (content.reading == FdTable::Reading::complete) {
        process.tables.push_back({std::move(content), {tid}});
    }
}

}  // namespace

ProcessTables read_process_tables(int directory, pid_t pid, const InodeSet& wanted) {
    ProcessTables process;
    FdTable content = read_fd_table(directory, "fd", wanted);
    if (content.reading == FdTable::Reading::gone) return process;
    process.denied = content.reading == FdTable::Reading::denied;
    process.tables.push_back({std::move(content), {pid}});
    if (has_one_thread(directory)) return process;

    const sys::Fd tasks(::openat(directory, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!tasks) return process;
    for_each_numbered(tasks.get(), [&](const char* name) {
        const pid_t tid = to_number<pid_t>(name).value_or(pid);
        if (tid != pid) add_thread(process, directory, tid, wanted);
    });
    return process;
}

}  // namespace unwait::proc
