// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "unwait/plan.hpp"
#include "unwait/process.hpp"

namespace unwait::ptrace {

/// What is done to a number in the target's fd table.
enum class Operation : std::uint8_t {
    close,    ///< close(fd)
    replace,  ///< dup3() of an unconnected, shut down socket over it
};

/// One number to operate on.
struct Cut {
    int fd = -1;         ///< in the target's table
    int reference = -1;  ///< our own descriptor of the very file that must be behind it; with it
                         ///< what the closing of a socket costs is not spent in the target. -1
                         ///< where there is none (pidfd_getfd(2) is missing or forbidden)
    std::uint64_t inode = 0;     ///< of the socket; proves it where the reference cannot
    bool close_on_exec = false;  ///< kept when the number is replaced
};

enum class CutEnding : std::uint8_t {
    untouched,  ///< not reached; see Surgery::refusal
    done,       ///< proven: the number does not lead to the file any more
    changed,    ///< the number led elsewhere already: nothing was done to it
};

/// Whose fd table, and how it may be held.
struct Patient {
    ProcessId id;
    pid_t table = 0;                 ///< a thread that uses the table; the pid for the usual one
    std::vector<ProcessId> sharers;  ///< other processes that use the same table (CLONE_FILES)
    Freeze freeze = Freeze::all;
    std::chrono::microseconds max_freeze{100};
};

struct CutResult {
    CutEnding ending = CutEnding::untouched;
    std::chrono::microseconds stopped{0};  ///< longest time a thread was held for the chunk of it
};

struct Surgery {
    std::vector<CutResult> cuts;  ///< one for each Cut, in order
    std::string refusal;          ///< why it ended early; empty when every cut was reached
};

/// Makes the target itself close or replace these numbers, in a process of its own (the surgeon)
/// that may be killed at any instant: up to the one register write that commits a chunk the target
/// is unchanged, and from then on it needs nobody to finish and to go on exactly where it was
/// (ptrace(2) PTRACE_SEIZE, Linux 3.4; kcmp(2)). No thread stays stopped when the surgeon ends,
/// however it ends. Throws Error only when no surgeon could be started.
[[nodiscard]] Surgery operate(const Patient& patient, Operation operation,
                              std::span<const Cut> cuts);

}  // namespace unwait::ptrace
