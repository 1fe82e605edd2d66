// SPDX-License-Identifier: MIT
// What the surgeon does before anything is stopped.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>

#include "cut_check.hpp"
#include "dead_man.hpp"
#include "file_identity.hpp"
#include "residue.hpp"
#include "surgeon_limits.hpp"
#include "surgeon_process.hpp"
#include "thread_setup.hpp"
#include "unwait/error.hpp"

namespace unwait::ptrace {

namespace {

/// Whether the kernel has close_range(2), found out with a number that nobody has.
bool has_close_range() noexcept { return ::syscall(SYS_close_range, ~0U, ~0U, 0U) == 0; }

/// False when the thread has ended meanwhile.
bool try_to_seize(TracedThread& thread) {
    const int error = thread.seize();
    if (error == 0) return true;
    // EPERM: it waits to be reaped.
    if (error == ESRCH || (error == EPERM && has_ended(thread.surveyed()))) return false;
    std::string what = "PTRACE_SEIZE of thread " + std::to_string(thread.tid());
    if (const pid_t tracer = tracer_of(thread.surveyed()); tracer != 0) {
        what += ", which pid " + std::to_string(tracer) +
                " traces (end that tracer, or --actions shutdown, which traces nobody)";
    }
    throw Error(error, what);
}

}  // namespace

void SurgeonProcess::find_room() {
    const std::string path = "/proc/" + std::to_string(patient_.table) + "/mem";
    memory_ = sys::Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!memory_) throw Error(errno, "open of " + path);
    // Only who may trace the target can open this file, so nobody else can hold the lock.
    if (::flock(memory_.get(), LOCK_EX | LOCK_NB) != 0) {
        give_up("another unwait is at work on this process", true);
    }
    cave_ = Cave::find(patient_.table, memory_);
    // One that is just executing another program has none for a moment.
    if (!cave_) give_up("the process has no [vdso] in which code could be placed", true);
    auto room = cave_->room(memory_);
    const std::size_t whole = cave_->range().end - cave_->range().begin;
    const auto fits = [this](std::size_t size) {
        const bool is_32_bit = cave_->is_32_bit();
        const std::size_t empty = arch::blob_size(operation_, 0, is_32_bit);
        const std::size_t overhead = sizeof(Cave::Header) + empty + 16;
        const std::size_t per_cut = arch::blob_size(operation_, 1, is_32_bit) - empty;
        return size < overhead ? 0 : (size - overhead) / per_cut;
    };
    if (fits(whole) == 0) give_up("the [vdso] of the process has no room for code");
    if (fits(room.size) < std::min(least_worthwhile_chunk, fits(whole))) {
        // Surgeons that were killed have left their slots.
        must_reclaim_ = true;
        freeze_ = Freeze::all;
        room = {cave_->range().begin, whole};
    }
    slot_ = room.address;
    chunk_limit_ = fits(room.size);
    if (operation_ == Operation::close && mark_ != 0 && has_close_range()) {
        range_limit_ = arch::ranges_in(room.size - sizeof(Cave::Header) - 16, cave_->is_32_bit());
    }
    image_.resize(room.size);
    to_cut_.reserve(cuts_.size());
    filters_.emplace(operation_, cuts_, slot_ + sizeof(Cave::Header));
}

void SurgeonProcess::reclaim_room() {
    // One thread after the other: as nobody else can place code there now, a thread that was once
    // proven to be out of it stays out.
    for (auto& thread : threads_) {
        if (!stop_alone(thread)) continue;
        const bool may_return = may_return_to(thread, cave_->range());
        thread.release(false);
        if (may_return) give_up("a thread is still in code that a killed unwait has left", true);
    }
    std::ranges::fill(image_, std::byte{0});
    if (::pwrite(memory_.get(), image_.data(), image_.size(), static_cast<off_t>(slot_)) !=
        static_cast<ssize_t>(image_.size())) {
        give_up(refusal::not_writable);
    }
}

void SurgeonProcess::warm_up() noexcept {
    // The first write gives the target a page of its own. What no blob needs is the last byte.
    const std::byte nothing{};
    const std::uintptr_t last = slot_ + image_.size() - 1;
    [[maybe_unused]] const auto written =
        ::pwrite(memory_.get(), &nothing, sizeof nothing, static_cast<off_t>(last));
    // What is looked at while somebody is held; ptrace(2) itself does not answer yet (ESRCH).
    static_cast<void>(everyone_is_held());
    static_cast<void>(filters_->is_unchanged(vehicle().tid(), vehicle().registers));
    static_cast<void>(leads_to_file(patient_.table, cuts_.front()));
}

bool SurgeonProcess::stop_alone(TracedThread& thread) noexcept {
    arm_dead_man(dead_man_base);
    thread.interrupt();
    // Nobody else is held meanwhile.
    if (thread.hold(now_ns() + stop_patience + retreat_patience, *filters_)) return true;
    if (thread.state() != TracedThread::State::gone) give_up(refusal::too_slow, true);
    return false;
}

std::string SurgeonProcess::objection_of(TracedThread& thread) {
    if (!stop_alone(thread)) return "the thread that was to make the call has ended";
    const int error = filters_->read(thread.tid());
    thread.release(false);
    return error == 0 ? filters_->objection(thread.tid(), thread.registers)
                      : FilterCheck::unreadable(thread.tid(), error);
}

// The vehicle is the last of them; filters stood against those before it.
std::vector<TracedThread> SurgeonProcess::seize_vehicle(std::span<const SurveyedThread> surveyed) {
    // The blob must run in the patient itself: a process that shares the fd table has a vdso of its
    // own.
    std::vector<SurveyedThread> able;
    std::ranges::copy_if(surveyed, std::back_inserter(able), [this](const auto& thread) {
        // And in a thread that uses the table, where there are several in one process.
        return thread.process == patient_.id.pid && thread.fitness != Fitness::unfit &&
               (thread.tid == patient_.table ||
                sys::same_fd_table(thread.tid, patient_.table) == sys::Same::yes);
    });
    // What the process ignores is queued all the same while its receiver, mostly the first thread,
    // is traced, and then interrupts the call of a thread that is not held, and so not mended.
    std::ranges::stable_sort(able, {}, [this](const SurveyedThread& thread) {
        const bool receives = freeze_ == Freeze::one && thread.tid == thread.process;
        const bool is_hard =
            !cuts_.empty() && !arch::any_thread_carries && thread.fitness != Fitness::asleep;
        return std::tuple(thread.may_be_filtered, is_hard, receives, thread.fitness);
    });
    std::string objection;
    std::vector<TracedThread> seized;
    for (const auto& candidate : able) {
        if (seized.size() == most_candidates) break;
        if (std::ranges::find(passed_over_, candidate.tid) != passed_over_.end()) continue;
        if (!is_able(candidate)) continue;
        arm_dead_man(dead_man_base);
        TracedThread thread(candidate);
        if (!try_to_seize(thread)) continue;
        seized.push_back(thread);
        if (!candidate.may_be_filtered) {
            filters_->expect_unfiltered(candidate);
            return seized;
        }
        objection = objection_of(seized.back());
        if (objection.empty()) return seized;
    }
    if (objection.empty()) {
        objection = passed_over_.empty()
                        ? "no thread of the process can make the call: " + why_unable(surveyed)
                        : refusal::handles_calls;
    }
    give_up(objection.c_str());
}

void SurgeonProcess::seize_threads() {
    auto processes = patient_.sharers;
    processes.insert(processes.begin(), patient_.id);
    auto surveyed = survey_threads(processes);
    // From the first PTRACE_SEIZE on a signal to the target waits for us. It may also block for
    // ever, while a sibling is in execve(2).
    auto seized = seize_vehicle(surveyed);
    const SurveyedThread carrier = seized.back().surveyed();
    if (freeze_ == Freeze::one) {
        surveyed = {carrier};
        for (auto& refused : std::span(seized).first(seized.size() - 1)) {
            if (stop_alone(refused)) refused.release(true);
        }
    }
    arm_dead_man(dead_man_base + surveyed.size() * dead_man_per_thread);
    for (const auto& candidate : surveyed) {
        if (candidate.zombie) continue;
        const auto known = std::ranges::find(seized, candidate.tid, &TracedThread::tid);
        TracedThread thread = known != seized.end() ? *known : TracedThread(candidate);
        if (known == seized.end() && !try_to_seize(thread)) continue;
        if (thread.tid() == carrier.tid) vehicle_ = threads_.size();
        threads_.push_back(thread);
    }
    if (threads_.empty() || vehicle().tid() != carrier.tid) {
        give_up("the thread that was to make the call has ended", true);
    }
    for (const auto& process : processes) {
        task_directories_.push_back(open_task_directory(process.pid));
    }
    // Room for threads that start meanwhile: nothing may be allocated later.
    threads_.reserve(threads_.size() * 2 + 256);
}

void SurgeonProcess::rehearse() {
    arm_dead_man(preparation_patience);
    find_room();
    record_.room = chunk_limit_;
    freeze_ = Freeze::one;
    threads_ = seize_vehicle(survey_threads({&patient_.id, 1}));
    vehicle_ = threads_.size() - 1;
    check_identity();
    if (!stop_alone(vehicle())) give_up("the thread that was to make the call has ended", true);
    record_.tells_sequences = tells_sequences(vehicle().tid());
    record_.tells_dispatch = tells_dispatch(vehicle().tid());
    if (record_.tells_dispatch) {
        record_.redirects_calls = redirects_system_calls(vehicle().tid());
    }
    check_vehicle();
    record_.stopped_ns = vehicle().release(true);
    record_.finished = true;
}

void SurgeonProcess::check_identity() {
    // Seized threads cannot be reaped behind our back: from here on the pid stays what it is.
    if (!is_still(patient_.id)) give_up("the process has exited, and its pid may mean another now");
    for (const auto& sharer : patient_.sharers) {
        if (!is_still(sharer)) give_up("a process that shares the fd table has exited", true);
    }
}

}  // namespace unwait::ptrace
