// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
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
    bool past = false;  ///< the reference is of a TCP socket whose connection was seen to be over,
                        ///< or ended by the peer
};

enum class CutEnding : std::uint8_t {
    untouched,  ///< not reached; see Surgery::refusal
    done,       ///< proven: the number does not lead to the file any more
    changed,    ///< the number led elsewhere already: nothing was done to it
    renewed,    ///< the application has connected the socket anew: nothing was done to it
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

/// What operate() would meet.
struct Rehearsal {
    std::string refusal;   ///< why it would refuse, without advice; empty when nothing stands
                           ///< against it
    std::size_t room = 0;  ///< numbers that one freeze has room for, 0 when that is not known
    std::chrono::microseconds stopped{0};  ///< how long a thread was held to find that out
    /// Whether the kernel tells of a thread's restartable sequences (rseq(2), Linux 5.13), and
    /// whether its system calls go to a handler (syscall user dispatch, Linux 6.4).
    bool tells_sequences = false;
    bool tells_dispatch = false;
    /// Whether the thread's system calls go to a handler of its own; absent when it was not held,
    /// or the kernel does not tell.
    std::optional<bool> redirects_calls;
};

/// Does all that operate() does before its first freeze, and looks at the thread that is to make
/// the calls as closely; makes none, and writes nothing. One thread is held for a few dozen
/// microseconds, others too when filters stand against it. Throws Error only when no surgeon could
/// be started.
[[nodiscard]] Rehearsal rehearse(const Patient& patient, Operation operation);

}  // namespace unwait::ptrace
