// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

#include "fd_table.hpp"

namespace unwait::proc {

/// One fd table of a process and the threads that use it.
struct ProcessTable {
    FdTable content;
    std::vector<pid_t> threads;  ///< never empty
};

/// All fd tables of a process: one, unless threads have unshared theirs.
struct ProcessTables {
    std::vector<ProcessTable> tables;  ///< none when the process is gone
    bool denied = false;               ///< a table may not be read
    bool uncompared = false;  ///< threads may have tables of their own: kcmp(2) does not tell
};

/// `directory` is an open /proc/PID. A zombie leader has no table: then those of its threads. The
/// fds that are known, ordered, are not read.
[[nodiscard]] ProcessTables read_process_tables(int directory, pid_t pid, const InodeSet& wanted,
                                                std::span<const sys::KnownFd> known);

}  // namespace unwait::proc
