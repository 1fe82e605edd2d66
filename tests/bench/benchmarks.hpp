// SPDX-License-Identifier: MIT
#pragma once

#include "results.hpp"

/// Each sets its scene up, lets the contenders take turns (A B A B …) `rounds` times and takes it
/// down again. Throws when a contender fails to do what it is measured for.
namespace unwait::bench {

/// Listing 10,000 stuck sockets of one process among 400 other processes: ss, lsof, netstat.
[[nodiscard]] Section find(int rounds);
/// The same with ten times the sockets, and with four times the fds beside them.
[[nodiscard]] Section growth(int rounds);
/// Closing one fd of a busy process with one thread, or with many that sleep: gdb, a bare stop.
[[nodiscard]] Section clear_one(int rounds, long sleeping_threads);
/// The stack of a busy thread: gdb, a bare stop.
[[nodiscard]] Section take_stack(int rounds);
/// Closing 3,000 fds of one process: the same loop of close(2) inside of it.
[[nodiscard]] Section clear_many(int rounds);
/// What unwait itself takes of the machine with 100,000 stuck sockets.
[[nodiscard]] Section memory(int rounds);

}  // namespace unwait::bench
