// SPDX-License-Identifier: MIT
// How the surgeon has a chunk of calls made by one thread.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>

#include "cut_check.hpp"
#include "surgeon_limits.hpp"
#include "surgeon_process.hpp"
#include "thread_setup.hpp"

namespace unwait::ptrace {

namespace {

void sleep_for(std::uint64_t ns) noexcept {
    constexpr std::uint64_t second = 1'000 * ns_per_ms;
    const timespec time{static_cast<time_t>(ns / second), static_cast<long>(ns % second)};
    nanosleep(&time, nullptr);
}

}  // namespace

bool SurgeonProcess::can_look_at_marks() const noexcept {
    return mark_ != 0 && !threads_[vehicle_].surveyed().may_be_filtered;
}

arch::BlobTask SurgeonProcess::blob_task() const noexcept {
    // Even where they were compared from outside: we may be killed before their turn comes.
    return {operation_,   slot_ + sizeof(Cave::Header),    to_cut_,
            placeholder_, can_look_at_marks() ? mark_ : 0, by_ranges_,
            wait_};
}

void SurgeonProcess::write_blob() {
    const std::size_t size =
        sizeof(Cave::Header) +
        arch::build_blob(blob_task(), vehicle().registers, image_.data() + sizeof(Cave::Header));
    // What a longer one has left there is this one's to take away.
    slot_size_ = std::max(slot_size_, (size + 15) / 16 * 16);
    const Cave::Header header{cave_magic, slot_size_};
    std::memcpy(image_.data(), &header, sizeof header);
    const ssize_t written =
        ::pwrite(memory_.get(), image_.data(), slot_size_, static_cast<off_t>(slot_));
    if (written == 0) give_up(refusal::executed, true);
    if (written != static_cast<ssize_t>(slot_size_)) give_up(refusal::not_writable);
}

SurgeonProcess::BlobEnd SurgeonProcess::run_blob() {
    if (!prepare_vehicle()) {
        if (!vehicle().hold(now_ns() + stop_patience, *filters_)) give_up(refusal::killed, true);
        return BlobEnd::not_begun;
    }
    const bool is_group_stopped = vehicle().state() == TracedThread::State::group_stopped;
    wait_ = is_group_stopped ? arch::Wait::always : arch::Wait::where_early;
    // Who runs on is seen to later.
    const bool may_be_left = !is_group_stopped && arch::blob_needs_nobody(vehicle().registers);
    write_blob();
    // What vfork(2) has lent to it is still its parent's memory after execve(2), but no more its
    // own.
    if (!vehicle().finds_in_memory(slot_, cave_magic)) {
        clear_slot();
        give_up(refusal::executed, true);
    }
    begin_blob();
    const std::uint64_t deadline = now_ns() + blob_patience;
    for (std::uint64_t times = 1;; times *= 2) {
        const Seen seen = watch_blob(times, deadline);
        blob_over_ns_ = now_ns();
        if (seen == Seen::signal) return leave_blob(false);
        // Closing is over with the last cut, where nobody else could make it; behind the last
        // replacement the placeholder is closed.
        const bool is_closed =
            seen == Seen::made && operation_ == Operation::close && freeze_ == Freeze::all;
        if (is_closed) {
            // Those before the last are closed too, and who runs again may reuse any number.
            record_all_cuts();
            release_bystanders();
            leaving_ = may_be_left;
            if (leaving_) return BlobEnd::finished;
        }
        vehicle().interrupt();
        switch (vehicle().wait(now_ns() + stop_patience)) {
            case TracedThread::Stop::none:
                abandon_blob();
            case TracedThread::Stop::gone:
                give_up(refusal::killed);
            case TracedThread::Stop::signal:
                return leave_blob(is_closed);
            case TracedThread::Stop::held:
                break;
        }
        if (is_closed || has_made_all_calls(read_vehicle())) return leave_blob(is_closed);
        // It has had no processor yet, or its cgroup has been frozen.
        if (now_ns() > deadline) withdraw_blob();
        vehicle().cont();
        sleep_for(20 * ns_per_us);
    }
}

void SurgeonProcess::begin_blob() {
    for (const Cut* cut : to_cut_) {
        const Cut* last = relies_on_marks_ ? to_cut_.back() : cut;
        auto& entry = entry_of(cut);
        entry.proof = static_cast<std::uint32_t>(last - cuts_.data());
        entry.committed = true;
    }
    forget_stops();
    // The commit point: from here on the target needs nobody.
    if (!vehicle().start_at(slot_ + sizeof(Cave::Header) + arch::blob_entry)) {
        give_up(refusal::killed, true);
    }
}

bool SurgeonProcess::prepare_vehicle() {
    const bool is_in_call = arch::in_system_call(vehicle().registers);
    const auto patience = is_in_call ? stop_patience : next_call_patience;
    switch (vehicle().prepare(blob_task().address, now_ns() + patience)) {
        case TracedThread::Preparation::interrupted:
            return false;
        case TracedThread::Preparation::too_late:
            give_up(is_in_call ? refusal::too_slow : refusal::makes_no_call, true);
        case TracedThread::Preparation::done:
            break;
    }
    if (!vehicle().has_made_call() || to_cut_.empty()) return true;
    // That may have changed what a number leads to, or connected what it leads to.
    const auto first = static_cast<std::size_t>(to_cut_.front() - cuts_.data());
    const auto end = static_cast<std::size_t>(to_cut_.back() + 1 - cuts_.data());
    if (leave_out_renewed(first, end - first)) return false;
    const std::size_t proven = relies_on_marks_ ? 1 : to_cut_.size();
    return std::all_of(
        to_cut_.rbegin(), to_cut_.rbegin() + static_cast<std::ptrdiff_t>(proven),
        [this](const Cut* cut) { return leads_to_file(patient_.table, *cut) == sys::Same::yes; });
}

SurgeonProcess::Seen SurgeonProcess::watch_blob(std::uint64_t times, std::uint64_t deadline) {
    if (to_cut_.empty()) return Seen::made;
    const std::uint64_t started = now_ns();
    const std::uint64_t at_once = started + spin_patience;
    const Seen first = watch_cut(*to_cut_.front(), at_once,
                                 std::min(started + times * processor_patience, deadline));
    if (first != Seen::made || to_cut_.size() == 1) return first;
    const std::uint64_t begun = now_ns();
    const std::size_t left = to_cut_.size() - first_entry_size();
    const std::uint64_t surely = cut_ns_ ? *cut_ns_ * 3 / 4 : least_cut_ns;
    const std::uint64_t until = std::max(begun, std::min(begun + left * surely, deadline));
    // Else it may have waited for the processor that we are on.
    const bool is_elsewhere = begun < at_once;
    if (is_elsewhere) {
        if (times == 1) blob_began_ns_ = begun;
        // What we look at of the target its processor has to fetch again.
        rest(until);
    } else {
        sleep_for(until - begun);
    }
    const std::uint64_t at_most = std::max(ns_per_us, 2 * cut_ns_.value_or(0));
    const std::uint64_t patience = spin_patience + left * at_most;
    return watch_cut(*to_cut_.back(), is_elsewhere ? begun + patience : 0,
                     std::min(begun + times * patience, deadline));
}

SurgeonProcess::Seen SurgeonProcess::watch_cut(const Cut& cut, std::uint64_t spin_until,
                                               std::uint64_t deadline) {
    while (!leads_elsewhere(patient_.table, cut)) {
        const std::uint64_t now = now_ns();
        if (now >= deadline) return Seen::nothing;
        if (now > spin_until) {
            sleep_for(20 * ns_per_us);
        } else {
            arch::relax();
        }
        switch (vehicle().wait(now)) {
            case TracedThread::Stop::none:
                break;
            case TracedThread::Stop::gone:
                give_up(refusal::killed);
            case TracedThread::Stop::signal:
                return Seen::signal;
            case TracedThread::Stop::held:
                // Asked for before: a group-stopped thread stops once more without getting
                // anywhere.
                vehicle().cont();
        }
    }
    return Seen::made;
}

void SurgeonProcess::withdraw_blob() {
    // A placeholder would stay open: only the blob closes it.
    if (open_placeholder(read_vehicle()) >= 0) abandon_blob();
    static_cast<void>(leave_blob(false));
    clear_slot();
    give_up(refusal::did_not_run, true);
}

void SurgeonProcess::abandon_blob() {
    // It comes to its end by itself. But then nobody is held any more, and what it has not come to
    // yet may mean another file: it is left no number. One that has just read the end of a range
    // has no begin for it any more, and flags that it reads now are the strictest.
    static constexpr Cut nothing{.close_on_exec = true};
    wait_ = arch::Wait::never;
    if (by_ranges_) to_cut_.resize(arch::count_ranges(to_cut_));
    std::ranges::fill(to_cut_, &nothing);
    write_blob();
    give_up(refusal::too_slow, true);
}

SurgeonProcess::BlobEnd SurgeonProcess::leave_blob(bool is_closed) {
    // If it is still in the blob, or about to repeat the call that it was stopped in, it becomes
    // what it was: whatever a signal makes of that call is the kernel's business again, as if
    // nothing had been.
    const arch::Registers now = read_vehicle();
    placeholder_ = open_placeholder(now);
    const bool was_in_slot = is_in_slot(arch::instruction_pointer(now));
    const auto made = was_in_slot && !is_closed ? arch::cuts_made(blob_task(), now) : std::nullopt;
    record_finished_cuts(made.value_or(0));
    const auto& stopped = vehicle().registers;
    // What the blob itself has caused is not for the application.
    const bool is_redirected =
        vehicle().signal() == SIGSYS && was_in_slot && is_in_slot(redirected_call(vehicle().tid()));
    if (was_in_slot || arch::about_to_restart(now, stopped)) {
        const auto left =
            arch::leave_blob(blob_task(), now, stopped, vehicle().tid(), vehicle().signal());
        if (!arch::write_registers(vehicle().tid(), left)) give_up(refusal::killed);
    }
    if (is_redirected) vehicle().withhold();
    // Signals are passed on; the stop that follows comes before a handler's first instruction.
    if (!vehicle().hold(now_ns() + stop_patience, *filters_)) give_up(refusal::killed, true);
    if (is_redirected) {
        clear_slot();
        refuse_redirecting_vehicle();
    }
    if (placeholder_ >= 0) return BlobEnd::interrupted;
    if (is_closed) return BlobEnd::finished;
    if (made && *made < to_cut_.size()) {
        return has_made_all_calls(now) ? BlobEnd::early : BlobEnd::interrupted;
    }
    if (blob_has_finished()) return BlobEnd::finished;
    return made ? BlobEnd::interrupted : BlobEnd::without_effect;
}

bool SurgeonProcess::blob_has_finished() const noexcept {
    if (to_cut_.empty()) return true;  // there was only a placeholder to close
    // It goes through its table in order.
    return leads_elsewhere(patient_.table, *to_cut_.back());
}

arch::Registers SurgeonProcess::read_vehicle() noexcept {
    arch::Registers now{};
    if (!arch::read_registers(vehicle().tid(), now)) give_up(refusal::killed);
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

void SurgeonProcess::clear_slot() noexcept {
    // No thread is in it, and none has an address in it that it could come back to.
    std::ranges::fill(image_, std::byte{0});
    [[maybe_unused]] const auto written =
        ::pwrite(memory_.get(), image_.data(), slot_size_, static_cast<off_t>(slot_));
}

}  // namespace unwait::ptrace
