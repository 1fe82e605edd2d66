// SPDX-License-Identifier: MIT
#include "surgeon_process.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <iterator>
#include <string>
#include <utility>

#include "cut_check.hpp"
#include "dead_man.hpp"
#include "task_list.hpp"
#include "thread_setup.hpp"
#include "unwait/error.hpp"

namespace unwait::ptrace {

namespace {

constexpr std::uint64_t ns_per_us = 1'000;
constexpr std::uint64_t ns_per_ms = 1'000'000;
// How many times slower than a processor the machine is: more than 1 only under an emulator.
#ifndef UNWAIT_SLOWNESS
#define UNWAIT_SLOWNESS 1
#endif
constexpr std::uint64_t slowness = UNWAIT_SLOWNESS;
// On a machine with too little processor time a thread may need tens of milliseconds to get as far
// as its stop; one that has not stopped by then is in uninterruptible sleep.
constexpr std::uint64_t stop_patience = slowness * 50 * ns_per_ms;
constexpr std::uint64_t blob_patience = slowness * 100 * ns_per_ms;
constexpr std::uint64_t spin_patience = 50 * ns_per_us;
constexpr std::uint64_t preparation_patience = 10'000 * ns_per_ms;
// Longer than the patience above, so that an honest end comes first.
constexpr std::uint64_t dead_man_base = slowness * 400 * ns_per_ms;
constexpr std::uint64_t dead_man_per_thread = slowness * 100 * ns_per_us;
constexpr std::size_t first_chunk = 32;
constexpr std::size_t least_worthwhile_chunk = 16;
// Filters are mostly the same in all threads of a process.
constexpr std::size_t most_filtered_candidates = 16;
constexpr int attempts_per_chunk = 5;
constexpr int passes_for_newcomers = 20;

constexpr auto killed = "the process was killed meanwhile";
constexpr auto too_slow =
    "a thread of the process did not stop in time (uninterruptible sleep, or no processor for it)";
constexpr auto without_effect =
    "the calls were made without effect: the process has no fd left for a placeholder, or its "
    "limit of "
    "open files is below the number";
constexpr auto not_writable =
    "the [vdso] of the process cannot be written to (proc_mem.force_override?)";
constexpr auto churning = "the process starts threads faster than they can be held";

void pause_briefly() noexcept {
    const timespec pause{0, 20'000};
    nanosleep(&pause, nullptr);
}

}  // namespace

void SurgeonProcess::run() {
    arm_dead_man(preparation_patience);
    find_room();
    seize_threads();
    check_identity();
    if (must_reclaim_) reclaim_room();
    std::size_t count = std::min(first_chunk, chunk_limit_);
    for (std::size_t at = 0; at < cuts_.size();) {
        count = std::min(count, cuts_.size() - at);
        last_chunk_ = at + count == cuts_.size();
        operate_chunk(at, count);
        // Two sizes are needed to tell what a cut costs.
        const bool is_first = at == 0;
        at += count;
        count = is_first ? std::min(2 * first_chunk, chunk_limit_) : next_chunk_size();
    }
    record_.finished = true;
}

void SurgeonProcess::find_room() {
    const std::string path = "/proc/" + std::to_string(patient_.table) + "/mem";
    memory_ = sys::Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!memory_) throw Error(errno, "open of " + path);
    // Only who may trace the target can open this file, so nobody else can hold the lock.
    if (::flock(memory_.get(), LOCK_EX | LOCK_NB) != 0) {
        give_up("another unwait is at work on this process", true);
    }
    cave_ = Cave::find(patient_.table, memory_);
    if (!cave_) give_up("the process has no [vdso] in which code could be placed");
    auto room = cave_->room(memory_);
    const std::size_t whole = cave_->range().end - cave_->range().begin;
    const auto fits = [this](std::size_t size) {
        const std::size_t overhead = sizeof(Cave::Header) + arch::blob_size(operation_, 0) + 16;
        const std::size_t per_cut = arch::blob_size(operation_, 1) - arch::blob_size(operation_, 0);
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
    chunk_limit_ = std::min(fits(room.size), cuts_.size());
    image_.resize(whole);
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
        give_up(not_writable);
    }
}

bool SurgeonProcess::stop_alone(TracedThread& thread) noexcept {
    arm_dead_man(dead_man_base);
    thread.interrupt();
    if (thread.hold(now_ns() + stop_patience, *filters_)) return true;
    if (thread.state() != TracedThread::State::gone) give_up(too_slow, true);
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
               sys::same_fd_table(thread.tid, patient_.table) == sys::Same::yes;
    });
    std::ranges::stable_sort(able, {}, [](const SurveyedThread& thread) {
        return std::pair(thread.may_be_filtered, thread.fitness);
    });
    std::string objection =
        "no thread of the process can make the call: each is in seccomp's strict mode, in "
        "uninterruptible sleep or exiting";
    std::vector<TracedThread> seized;
    for (const auto& candidate : able) {
        if (seized.size() == most_filtered_candidates) break;
        arm_dead_man(dead_man_base);
        TracedThread thread(candidate);
        const int error = thread.seize();
        if (error == ESRCH) continue;
        if (error != 0) {
            throw Error(error, "PTRACE_SEIZE of thread " + std::to_string(thread.tid()));
        }
        seized.push_back(thread);
        if (!candidate.may_be_filtered) {
            filters_->expect_unfiltered(candidate);
            return seized;
        }
        objection = objection_of(seized.back());
        if (objection.empty()) return seized;
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
        const int error = known != seized.end() ? 0 : thread.seize();
        if (error == ESRCH) continue;
        if (error != 0) {
            throw Error(error, "PTRACE_SEIZE of thread " + std::to_string(thread.tid()));
        }
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

void SurgeonProcess::check_identity() {
    // Seized threads cannot be reaped behind our back: from here on the pid stays what it is.
    if (!is_still(patient_.id)) give_up("the process has exited, and its pid may mean another now");
    for (const auto& sharer : patient_.sharers) {
        if (!is_still(sharer)) give_up("a process that shares the fd table has exited", true);
    }
}

void SurgeonProcess::operate_chunk(std::size_t first, std::size_t count) {
    longest_hold_ns_ = 0;
    arm_dead_man(dead_man_base + threads_.size() * dead_man_per_thread);
    hold_everyone();
    check_vehicle();
    const std::uint64_t begun = now_ns();
    relies_on_marks_ = select_marked(first, count);
    if (!relies_on_marks_) select_proven(first, count);
    for (int attempt = 0; !to_cut_.empty() || placeholder_ >= 0; ++attempt) {
        if (attempt == attempts_per_chunk) give_up("signals kept the calls from being made", true);
        const BlobEnd end = run_blob();
        if (end == BlobEnd::finished) break;
        // A file without the mark is for us to look at: everybody is still held.
        if (end == BlobEnd::without_effect && !relies_on_marks_) give_up(without_effect);
        // Whatever it was interrupted by, the vehicle is held again, as are all others.
        check_vehicle();
        record_finished_cuts();
        relies_on_marks_ = false;
        select_proven(first, count);
    }
    note_cost(count, blob_over_ns_ - begun);
    record_finished_cuts();
    const bool is_all_done = std::ranges::all_of(to_cut_, [this](const Cut* cut) {
        return record_.cuts[cut - cuts_.data()].ending == CutEnding::done;
    });
    if (!is_all_done) give_up(without_effect);
    release_bystanders();
    if (leaving_) {
        longest_hold_ns_ = std::max(longest_hold_ns_, vehicle().end_hold());
    } else {
        release(vehicle());
        clear_slot();
    }
    for (std::size_t i = first; i < first + count; ++i) {
        record_.cuts[i].stopped_us = static_cast<std::uint32_t>(longest_hold_ns_ / ns_per_us);
    }
}

template <typename Chosen>
void SurgeonProcess::hold_those(Chosen&& is_chosen) {
    // All are interrupted before the first is waited for.
    const auto is_due = [&](const TracedThread& thread) {
        return thread.state() == TracedThread::State::running && is_chosen(thread);
    };
    for (auto& thread : threads_) {
        if (is_due(thread)) thread.interrupt();
    }
    const std::uint64_t deadline = now_ns() + stop_patience;
    for (auto& thread : threads_) {
        if (!is_due(thread) || hold(thread, deadline)) continue;
        if (thread.state() != TracedThread::State::gone) give_up(too_slow, true);
    }
}

bool SurgeonProcess::hold(TracedThread& thread, std::uint64_t deadline) {
    if (!leaving_ || &thread != &vehicle()) return thread.hold(deadline, *filters_);
    const auto stop = thread.wait(deadline);
    if (stop == TracedThread::Stop::none || stop == TracedThread::Stop::gone) return false;
    leaving_ = false;
    return leave_blob(true) == BlobEnd::finished;
}

void SurgeonProcess::hold_everyone() {
    if (freeze_ == Freeze::one) return hold_those([](const auto&) { return true; });
    // Those that run come last and go on first: they are what the application notices.
    hold_those([](const TracedThread& thread) { return !thread.surveyed().running; });
    hold_those([](const TracedThread&) { return true; });
    for (int pass = 0; !everyone_is_held(); ++pass) {
        if (pass == passes_for_newcomers) give_up(churning, true);
        const std::size_t before = threads_.size();
        hold_newcomers();
        // A zombie is counted but cannot be held: a pass in which nobody is new is proof as well.
        if (threads_.size() == before) break;
    }
}

bool SurgeonProcess::everyone_is_held() const noexcept {
    std::size_t counted = 0;
    for (const auto& directory : task_directories_) counted += count_tasks(directory.get());
    const auto held = std::ranges::count_if(threads_, &TracedThread::is_held);
    return counted == static_cast<std::size_t>(held);
}

void SurgeonProcess::hold_newcomers() {
    struct Context {
        std::vector<TracedThread>& threads;
        pid_t process;
        bool may_be_filtered;
        bool full = false;
    };
    const auto seize_unknown = [](void* opaque, pid_t tid) {
        auto& [threads, process, may_be_filtered, full] = *static_cast<Context*>(opaque);
        if (std::ranges::find(threads, tid, &TracedThread::tid) != threads.end()) return;
        full = full || threads.size() == threads.capacity();
        TracedThread thread(
            {.tid = tid, .process = process, .running = true, .may_be_filtered = may_be_filtered});
        if (full || thread.seize() != 0) return;  // EPERM: a zombie
        threads.push_back(thread);
    };
    // A thread begins with the filters of the one that made it.
    const bool may_be_filtered = std::ranges::any_of(
        threads_, [](const auto& thread) { return thread.surveyed().may_be_filtered; });
    for (std::size_t i = 0; i < task_directories_.size(); ++i) {
        Context context{threads_, i == 0 ? patient_.id.pid : patient_.sharers[i - 1].pid,
                        may_be_filtered};
        const int directory = task_directories_[i].get();
        if (!for_each_task(directory, seize_unknown, &context) || context.full) {
            give_up(churning, true);
        }
    }
    hold_those([](const TracedThread&) { return true; });
}

void SurgeonProcess::check_vehicle() {
    if (!vehicle().is_held()) give_up("the thread that was to make the call has ended", true);
    if (!arch::can_carry_blob(vehicle().registers, slot_)) {
        give_up(
            "the thread that was to make the call single-steps itself, runs 32-bit code in a "
            "64-bit "
            "process, or is too far from where code can be placed");
    }
    if (!filters_->is_unchanged(vehicle().tid(), vehicle().registers)) {
        give_up("the thread that was to make the call has got another seccomp filter", true);
    }
    if (redirects_system_calls(vehicle().tid())) {
        give_up("the process handles its own system calls (syscall user dispatch)");
    }
    // Leaving a restartable sequence must abort it, as being moved to another processor does
    // (rseq(2)).
    auto& registers = vehicle().registers;
    if (arch::in_system_call(registers)) return;
    const auto abort = rseq_abort_address(vehicle().tid(), arch::instruction_pointer(registers));
    if (abort) arch::move_instruction_pointer(registers, *abort);
}

bool SurgeonProcess::select_marked(std::size_t first, std::size_t count) {
    // Only while nobody else runs does the end of the last cut prove what the blob found at its
    // begin; so that one is proven from outside.
    const bool possible = mark_ != 0 && count > 1 && freeze_ == Freeze::all &&
                          !vehicle().surveyed().may_be_filtered &&
                          arch::blob_checks_marks(vehicle().registers) &&
                          leads_to_file(patient_.table, cuts_[first + count - 1]) == sys::Same::yes;
    if (!possible) return false;
    to_cut_.clear();
    for (const Cut& cut : cuts_.subspan(first, count)) to_cut_.push_back(&cut);
    return true;
}

void SurgeonProcess::select_proven(std::size_t first, std::size_t count) {
    to_cut_.clear();
    for (std::size_t i = first; i < first + count; ++i) {
        if (record_.cuts[i].ending != CutEnding::untouched) continue;
        switch (leads_to_file(patient_.table, cuts_[i])) {
            case sys::Same::yes:
                to_cut_.push_back(&cuts_[i]);
                break;
            case sys::Same::no:
            case sys::Same::gone:
                record_.cuts[i].ending = CutEnding::changed;
                break;
            case sys::Same::unknown:
                give_up(
                    "it cannot be proven which file is behind an fd: kcmp(2) and /proc/PID/fd are "
                    "both denied");
        }
    }
}

arch::BlobTask SurgeonProcess::blob_task() const noexcept {
    return {operation_,   slot_ + sizeof(Cave::Header), to_cut_,
            placeholder_, relies_on_marks_ ? mark_ : 0, waits_};
}

void SurgeonProcess::write_blob() {
    const std::size_t size =
        sizeof(Cave::Header) +
        arch::build_blob(blob_task(), vehicle().registers, image_.data() + sizeof(Cave::Header));
    slot_size_ = (size + 15) / 16 * 16;
    const Cave::Header header{cave_magic, slot_size_};
    std::memcpy(image_.data(), &header, sizeof header);
    if (::pwrite(memory_.get(), image_.data(), slot_size_, static_cast<off_t>(slot_)) !=
        static_cast<ssize_t>(slot_size_)) {
        give_up(not_writable);
    }
}

SurgeonProcess::BlobEnd SurgeonProcess::run_blob() {
    if (!vehicle().prepare(now_ns() + stop_patience)) {
        if (!vehicle().hold(now_ns() + stop_patience, *filters_)) give_up(killed, true);
        return BlobEnd::interrupted;
    }
    waits_ = vehicle().state() == TracedThread::State::group_stopped;
    // Who runs on is seen to when the next chunk stops it.
    const bool may_be_left =
        !last_chunk_ && !waits_ && arch::blob_needs_nobody(vehicle().registers);
    write_blob();
    for (const Cut* cut : to_cut_) record_.cuts[cut - cuts_.data()].committed = true;
    // The commit point: from here on the target needs nobody.
    if (!vehicle().start_at(slot_ + sizeof(Cave::Header) + arch::blob_entry)) {
        give_up(killed, true);
    }
    const std::uint64_t deadline = now_ns() + blob_patience;
    for (std::uint64_t slice = spin_patience + to_cut_.size() * 10 * ns_per_us;; slice *= 2) {
        const bool is_interrupted = !watch_blob(std::min(now_ns() + slice, deadline));
        blob_over_ns_ = now_ns();
        if (is_interrupted) return leave_blob(false);
        // Closing is over with the last cut, where nobody else could make it; behind the last
        // replacement the placeholder is closed.
        const bool is_closed =
            operation_ == Operation::close && freeze_ == Freeze::all && blob_has_finished();
        if (is_closed) {
            // Those before the last are closed too, and who runs again may reuse any number.
            record_all_cuts();
            release_bystanders();
            leaving_ = may_be_left;
            if (leaving_) return BlobEnd::finished;
        }
        vehicle().interrupt();
        switch (vehicle().wait(deadline)) {
            case TracedThread::Stop::none:
                give_up(too_slow, true);
            case TracedThread::Stop::gone:
                give_up(killed);
            case TracedThread::Stop::signal:
                return leave_blob(is_closed);
            case TracedThread::Stop::held:
                break;
        }
        if (is_closed || has_made_all_calls(read_vehicle())) return leave_blob(is_closed);
        // It has had no processor yet. Left alone it comes to its end by itself.
        if (now_ns() > deadline) give_up(too_slow, true);
        vehicle().cont();
        pause_briefly();
    }
}

bool SurgeonProcess::watch_blob(std::uint64_t deadline) {
    const std::uint64_t spin_until = now_ns() + spin_patience + to_cut_.size() * ns_per_us;
    for (std::uint64_t now = now_ns(); now < deadline && !blob_has_finished(); now = now_ns()) {
        if (now > spin_until) {
            pause_briefly();
        } else {
            arch::relax();
        }
        switch (vehicle().wait(now)) {
            case TracedThread::Stop::none:
                break;
            case TracedThread::Stop::gone:
                give_up(killed);
            case TracedThread::Stop::signal:
                return false;
            case TracedThread::Stop::held:
                // Asked for before: a group-stopped thread stops once more without getting
                // anywhere.
                vehicle().cont();
        }
    }
    return true;
}

bool SurgeonProcess::blob_has_finished() const noexcept {
    if (to_cut_.empty()) return true;  // there was only a placeholder to close
    // It goes through its table in order.
    const auto same = leads_to_file(patient_.table, *to_cut_.back());
    return same == sys::Same::no || same == sys::Same::gone;
}

arch::Registers SurgeonProcess::read_vehicle() noexcept {
    arch::Registers now{};
    if (!arch::read_registers(vehicle().tid(), now)) give_up(killed);
    return now;
}

int SurgeonProcess::open_placeholder(const arch::Registers& now) const noexcept {
    if (operation_ != Operation::replace || !is_in_slot(arch::instruction_pointer(now))) return -1;
    return arch::placeholder_in(blob_task(), now);
}

bool SurgeonProcess::has_made_all_calls(const arch::Registers& now) const noexcept {
    const auto at = arch::instruction_pointer(now);
    const auto calls = arch::blob_calls(operation_, now);
    return !is_in_slot(at) || at >= blob_task().address + calls.over;
}

bool SurgeonProcess::is_in_slot(std::uintptr_t address) const noexcept {
    return address >= slot_ && address < slot_ + slot_size_;
}

SurgeonProcess::BlobEnd SurgeonProcess::leave_blob(bool is_closed) {
    // If it is still in the blob, or about to repeat the call that it was stopped in, it becomes
    // what it was: whatever a signal makes of that call is the kernel's business again, as if
    // nothing had been.
    const arch::Registers now = read_vehicle();
    placeholder_ = open_placeholder(now);
    const bool was_in_slot = is_in_slot(arch::instruction_pointer(now));
    const auto& stopped = vehicle().registers;
    if (was_in_slot || arch::about_to_restart(now, stopped)) {
        const auto left =
            arch::leave_blob(blob_task(), now, stopped, vehicle().tid(), vehicle().signal());
        if (!arch::write_registers(vehicle().tid(), left)) give_up(killed);
    }
    // Signals are passed on; the stop that follows comes before a handler's first instruction.
    if (!vehicle().hold(now_ns() + stop_patience, *filters_)) give_up(killed, true);
    if (placeholder_ >= 0) return BlobEnd::interrupted;
    if (is_closed || blob_has_finished()) return BlobEnd::finished;
    return was_in_slot ? BlobEnd::interrupted : BlobEnd::without_effect;
}

void SurgeonProcess::record_all_cuts() noexcept {
    for (const Cut* cut : to_cut_) record_.cuts[cut - cuts_.data()].ending = CutEnding::done;
}

void SurgeonProcess::record_finished_cuts() {
    for (const Cut* cut : to_cut_) {
        if (record_.cuts[cut - cuts_.data()].ending == CutEnding::done) continue;
        const auto same = leads_to_file(patient_.table, *cut);
        if (same == sys::Same::no || same == sys::Same::gone) {
            record_.cuts[cut - cuts_.data()].ending = CutEnding::done;
        }
    }
}

void SurgeonProcess::release_bystanders() {
    for (auto thread = threads_.rbegin(); thread != threads_.rend(); ++thread) {
        if (&*thread != &vehicle()) release(*thread);
    }
}

void SurgeonProcess::release(TracedThread& thread) noexcept {
    if (!thread.is_held()) return;
    longest_hold_ns_ = std::max(longest_hold_ns_, thread.release(last_chunk_));
}

void SurgeonProcess::clear_slot() noexcept {
    // No thread is in it, and none has an address in it that it could come back to.
    std::ranges::fill(image_, std::byte{0});
    [[maybe_unused]] const auto written =
        ::pwrite(memory_.get(), image_.data(), slot_size_, static_cast<off_t>(slot_));
}

void SurgeonProcess::note_cost(std::size_t count, std::uint64_t ns) noexcept {
    if (smallest_.count == 0) smallest_ = {count, ns};
    const bool tells = count >= 2 * smallest_.count && ns > smallest_.ns;
    const std::uint64_t each = tells ? (ns - smallest_.ns) / (count - smallest_.count) : ns / count;
    cheapest_cut_ns_ = cheapest_cut_ns_ == 0 ? each : std::min(cheapest_cut_ns_, each);
}

std::size_t SurgeonProcess::next_chunk_size() const noexcept {
    // What a freeze costs by itself is not for smaller chunks to save: only the cuts count.
    const auto budget = static_cast<std::uint64_t>(patient_.max_freeze.count()) * ns_per_us;
    const auto fitting = budget / std::max<std::uint64_t>(cheapest_cut_ns_, 1);
    return std::clamp<std::size_t>(fitting, 1, chunk_limit_);
}

void SurgeonProcess::give_up(const char* why, bool transient) noexcept {
    std::strncpy(record_.refusal.data(), why, record_.refusal.size() - 1);
    record_.transient = transient;
    // The kernel lets go of every thread. A blob that was begun ends by itself.
    _exit(0);
}

}  // namespace unwait::ptrace
