// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>
#include <vector>

#include "fd.hpp"

namespace unwait::proc {

/// /proc, open for listing. Throws Error with the remedy when nothing, something else, or the
/// procfs of another PID namespace is mounted there: its numbers would name the wrong processes.
[[nodiscard]] sys::Fd open_proc();

/// The pids in an open /proc, in order. Throws Error.
[[nodiscard]] std::vector<pid_t> list_processes(int proc);

/// How /proc is mounted where it hides processes (proc(5), hidepid=).
struct Hiding {
    bool hides = false;          ///< hidepid=invisible or ptraceable
    std::optional<gid_t> group;  ///< whose members see all the same
};
[[nodiscard]] Hiding parse_hiding(std::string_view mounts);

/// Whether processes may be hidden from us, so that not even their number is known.
[[nodiscard]] bool hides_processes();

}  // namespace unwait::proc
