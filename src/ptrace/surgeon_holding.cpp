// SPDX-License-Identifier: MIT
// How the surgeon stops all threads, and lets them go.
#include <algorithm>
#include <ctime>

#include "dead_man.hpp"
#include "surgeon_limits.hpp"
#include "surgeon_process.hpp"
#include "task_list.hpp"
#include "thread_setup.hpp"

namespace unwait::ptrace {

template <typename Chosen>
void SurgeonProcess::hold_those(Chosen&& is_chosen) {
    // All are interrupted before the first is waited for.
    const auto is_due = [&](const TracedThread& thread) {
        return thread.state() == TracedThread::State::running && is_chosen(thread);
    };
    std::size_t awaited = 0;
    for (auto& thread : threads_) {
        if (!is_due(thread)) continue;
        thread.interrupt();
        ++awaited;
    }
    const std::uint64_t deadline = now_ns() + stop_patience;
    bool is_too_late = false;
    for (auto& thread : threads_) {
        if (!is_due(thread)) continue;
        const bool comes_at_once = awaited == 1 || thread.surveyed().running;
        if (hold(thread, deadline, comes_at_once ? Spin::yes : Spin::no)) continue;
        is_too_late = is_too_late || thread.state() != TracedThread::State::gone;
    }
    if (is_too_late) retreat();
}

void SurgeonProcess::retreat() {
    for (auto& thread : threads_) {
        if (thread.is_held()) thread.release(true);
    }
    // The call that a stop has interrupted is mended when the stop is seen, and fails if it is not.
    arm_dead_man(dead_man_base + retreat_patience);
    const std::uint64_t deadline = now_ns() + retreat_patience;
    while (std::ranges::any_of(threads_, &TracedThread::is_awaited) && now_ns() < deadline) {
        for (auto& thread : threads_) {
            if (thread.is_awaited() && hold(thread, now_ns(), Spin::no)) thread.release(true);
        }
        constexpr timespec pause{0, ns_per_ms};
        nanosleep(&pause, nullptr);
    }
    give_up(refusal::too_slow, true);
}

bool SurgeonProcess::hold(TracedThread& thread, std::uint64_t deadline, Spin spin) {
    if (!leaving_ || &thread != &vehicle()) return thread.hold(deadline, *filters_, spin);
    const auto stop = thread.wait(deadline, spin);
    if (stop == TracedThread::Stop::none || stop == TracedThread::Stop::gone) return false;
    leaving_ = false;
    return leave_blob(true) == BlobEnd::finished;
}

void SurgeonProcess::hold_everyone() {
    if (freeze_ == Freeze::one) return hold_those([](const auto&) { return true; });
    // Nobody else is held until a disk has answered.
    hold_those([](const TracedThread& thread) { return thread.surveyed().uninterruptible; });
    // Those that run come last and go on first: they are what the application notices.
    hold_those([](const TracedThread& thread) { return !thread.surveyed().running; });
    hold_those([](const TracedThread&) { return true; });
    for (int pass = 0; !everyone_is_held(); ++pass) {
        if (pass == passes_for_newcomers) give_up(refusal::churning, true);
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
            give_up(refusal::churning, true);
        }
    }
    hold_those([](const TracedThread&) { return true; });
}

void SurgeonProcess::check_vehicle() {
    if (!vehicle().is_held()) give_up("the thread that was to make the call has ended", true);
    if (!arch::can_carry_blob(vehicle().registers, slot_, cave_->is_32_bit())) {
        give_up(
            "the thread that was to make the call single-steps itself, has a stack segment of its "
            "own, or runs 32-bit code in a 64-bit process, or the reverse",
            true);
    }
    if (!filters_->is_unchanged(vehicle().tid(), vehicle().registers)) {
        give_up("the thread that was to make the call has got another seccomp filter", true);
    }
    if (redirects_system_calls(vehicle().tid())) refuse_redirecting_vehicle();
    // Leaving a restartable sequence must abort it, as being moved to another processor does
    // (rseq(2)).
    auto& registers = vehicle().registers;
    if (arch::in_system_call(registers)) return;
    const auto abort = rseq_abort_address(vehicle().tid(), arch::instruction_pointer(registers));
    if (abort) arch::move_instruction_pointer(registers, *abort);
}

void SurgeonProcess::release_bystanders() {
    for (auto thread = threads_.rbegin(); thread != threads_.rend(); ++thread) {
        if (&*thread != &vehicle()) release(*thread);
    }
}

void SurgeonProcess::see_off_vehicle() {
    arm_dead_man(dead_man_base);
    hold_those([this](const TracedThread& thread) { return &thread == &vehicle(); });
    release(vehicle());
    clear_slot();
}

void SurgeonProcess::release(TracedThread& thread) noexcept {
    if (!thread.is_held()) return;
    longest_hold_ns_ = std::max(longest_hold_ns_, thread.release(last_chunk_));
}

}  // namespace unwait::ptrace
