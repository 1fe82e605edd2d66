// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "fd.hpp"
#include "surgeon.hpp"
#include "victim.hpp"

/// What the tests of the injector need to operate on a victim, and to look at it from outside.
namespace unwait::test {

/// How many times slower than a processor the machine is (an emulator).
#ifndef UNWAIT_SLOWNESS
#define UNWAIT_SLOWNESS 1
#endif
inline constexpr int slowness = UNWAIT_SLOWNESS;

/// References to fds of a victim, and the cuts that go with them.
struct Cuts {
    Cuts(const Victim& victim, const std::vector<std::uint64_t>& fds);

    std::vector<sys::Fd> references;
    std::vector<ptrace::Cut> cuts;
};

/// So many fds of /dev/null that a victim has opened.
[[nodiscard]] std::vector<std::uint64_t> open_files(Victim& victim, int count);

[[nodiscard]] ProcessId process_id(pid_t pid);

[[nodiscard]] ptrace::Patient patient_of(const Victim& victim, Freeze freeze = Freeze::all);

/// ptrace::operate(), and again as long as it gives up because a busy machine has no processor for
/// the victim, or the victim made no call of its own in time: that is no harm, and not what a test
/// is about.
[[nodiscard]] ptrace::Surgery operate_patiently(const ptrace::Patient& patient,
                                                ptrace::Operation operation,
                                                std::span<const ptrace::Cut> cuts);

/// Closes and replaces the number "fd" of a victim, which may be done at times only, so often and
/// on until it was done once and has ended in the other way once. To its socket "spare" leads all
/// the time. None is refused.
void operate_by_chance(const Victim& victim, ptrace::CutEnding otherwise, int rounds);

/// What `say` returns in a child of ours, which may give up whatever it likes to.
[[nodiscard]] std::string told_by_child(const std::function<std::string()>& say);

/// Of the calling process, which ends if it cannot.
void give_up(unsigned capability);

/// One letter, proc_pid_stat(5).
[[nodiscard]] std::string process_state(pid_t pid);

/// TracerPid of a thread or process, "0" when nobody traces it.
[[nodiscard]] std::string tracer_of(pid_t pid);

/// What signals mean to a thread, proc_pid_status(5): those that wait for it, are blocked, ignored
/// and caught.
[[nodiscard]] std::string signals_of(pid_t tid);

/// All bytes of its [vdso].
[[nodiscard]] std::string vdso_of(pid_t pid);

}  // namespace unwait::test
