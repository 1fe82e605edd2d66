// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// How long the surgeon, and who samples a stack, wait for what, and what the surgeon says when
/// that was not long enough.
namespace unwait::ptrace {

inline constexpr std::uint64_t ns_per_us = 1'000;
inline constexpr std::uint64_t ns_per_ms = 1'000'000;
// How many times slower than a processor the machine is: more than 1 only under an emulator.
#ifndef UNWAIT_SLOWNESS
#define UNWAIT_SLOWNESS 1
#endif
inline constexpr std::uint64_t slowness = UNWAIT_SLOWNESS;
// On a machine with too little processor time a thread may need tens of milliseconds to get as far
// as its stop; one that has not stopped by then is in uninterruptible sleep.
inline constexpr std::uint64_t stop_patience = slowness * 50 * ns_per_ms;
// A disk answers in less; how often that is looked for.
inline constexpr std::uint64_t doze_patience = slowness * 20 * ns_per_ms;
inline constexpr std::uint64_t doze_look = ns_per_ms;
// For a thread in its own code, which has to make a call before it can make ours (aarch64).
inline constexpr std::uint64_t next_call_patience = slowness * 2 * ns_per_ms;
inline constexpr std::uint64_t retreat_patience = slowness * 200 * ns_per_ms;
inline constexpr std::uint64_t blob_patience = slowness * 100 * ns_per_ms;
inline constexpr std::uint64_t spin_patience = 30 * ns_per_us;
// A thread that waits for a processor and is stopped then will wait once more.
inline constexpr std::uint64_t processor_patience = 500 * ns_per_us;
inline constexpr std::uint64_t preparation_patience = 10'000 * ns_per_ms;
// Longer than the patience above, so that an honest end comes first.
inline constexpr std::uint64_t dead_man_base = slowness * 400 * ns_per_ms;
inline constexpr std::uint64_t dead_man_per_thread = slowness * 100 * ns_per_us;
// More than it takes on most machines.
inline constexpr std::uint64_t assumed_cut_ns = slowness * 800;
// A system call or two in the target: no processor makes them in less.
inline constexpr std::uint64_t least_cut_ns = 150;
inline constexpr std::size_t least_worthwhile_chunk = 16;
// Of more files the first would have left the processor's cache before their turn comes.
inline constexpr std::size_t worth_fetching = 2048;
// Filters, and handlers of system calls, are mostly the same in all threads of a process.
inline constexpr std::size_t most_candidates = 16;
// As many can be asked for the state of their connection while somebody is held.
inline constexpr std::size_t quickly_polled = 32;
inline constexpr int attempts_per_chunk = 5;
inline constexpr int passes_for_newcomers = 20;

namespace refusal {
/// What some end with.
inline constexpr std::string_view advice = "; --actions shutdown makes the process call nothing";
inline constexpr auto killed = "the process was killed meanwhile";
inline constexpr auto too_slow =
    "a thread of the process did not stop in time (frozen by its cgroup, in uninterruptible sleep, "
    "or no processor for it)";
inline constexpr auto did_not_run =
    "the thread that was to make the call did not run (frozen by its cgroup, or no processor for "
    "it)";
inline constexpr auto makes_no_call =
    "the thread that was to make the call is busy in its own code, too far from where code can be "
    "placed or with vector registers in use that no call keeps";
inline constexpr auto handles_calls =
    "the process handles its own system calls (syscall user dispatch)";
inline constexpr auto without_effect =
    "the calls were made without effect: the process puts the file back each time";
inline constexpr auto no_placeholder =
    "the process may open no fd more for a placeholder, or its limit is below the number: raise it "
    "(prlimit --pid PID --nofile=NUMBER:), or free the number instead (--actions shutdown,close)";
inline constexpr auto not_writable =
    "the [vdso] of the process cannot be written to (proc_mem.force_override?)";
inline constexpr auto executed = "the process was just about to execute another program";
inline constexpr auto churning = "the process starts threads faster than they can be held";
}  // namespace refusal

}  // namespace unwait::ptrace
