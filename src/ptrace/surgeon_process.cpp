// SPDX-License-Identifier: MIT
#include "surgeon_process.hpp"

#include <unistd.h>

#include <algorithm>

#include "cut_check.hpp"
#include "dead_man.hpp"
#include "disposable_process.hpp"
#include "surgeon_limits.hpp"

namespace unwait::ptrace {

void SurgeonProcess::run() {
    arm_dead_man(preparation_patience);
    find_room();
    seize_threads();
    check_identity();
    if (must_reclaim_) reclaim_room();
    warm_up();
    for (std::size_t at = 0; at < cuts_.size();) {
        at += operate_chunk(at, chunk_size(at, affordable_cuts()));
    }
    record_.finished = true;
}

std::size_t SurgeonProcess::chunk_size(std::size_t first, std::size_t wanted) {
    const std::size_t most = std::min(wanted, cuts_.size() - first);
    to_cut_.clear();
    for (const Cut& cut : cuts_.subspan(first, most)) to_cut_.push_back(&cut);
    std::size_t by_ranges = 0;
    for (std::size_t range = 0; range < range_limit_ && by_ranges < most; ++range) {
        by_ranges += arch::size_of_range(std::span(to_cut_).subspan(by_ranges));
    }
    return std::max(std::min(most, chunk_limit_), by_ranges);
}

std::size_t SurgeonProcess::operate_chunk(std::size_t first, std::size_t count) {
    longest_hold_ns_ = 0;
    last_chunk_ = first + count == cuts_.size();
    fetch_files(cuts_.subspan(first, std::min(count, worth_fetching)));
    // Nobody is to be held for long only to see what hardly ever happens.
    const bool few = count <= quickly_polled;
    if (!few) leave_out_renewed(first, count);
    arm_dead_man(dead_man_base + threads_.size() * dead_man_per_thread);
    hold_everyone();
    check_vehicle();
    if (few) leave_out_renewed(first, count);
    blob_began_ns_ = 0;
    const std::uint64_t begun = now_ns();
    relies_on_marks_ = select_marked(first, count);
    if (!relies_on_marks_) count = select_proven(first, count);
    proof_ns_ = relies_on_marks_ ? 0 : (now_ns() - begun) / count;
    int attempt = 0;
    for (; !to_cut_.empty() || placeholder_ >= 0; ++attempt) {
        if (attempt == attempts_per_chunk) {
            to_cut_.clear();
            if (placeholder_ >= 0) static_cast<void>(run_blob());
            give_up("signals kept the calls from being made", true);
        }
        const BlobEnd end = run_blob();
        if (end == BlobEnd::finished) break;
        if (end == BlobEnd::without_effect && !relies_on_marks_) give_up_without_effect();
        // Whatever it was interrupted by, the vehicle is held again, as are all others.
        check_vehicle();
        leave_out_renewed(first, count);
        const auto left = std::ranges::count_if(to_cut_, [this](const Cut* cut) {
            return entry_of(cut).ending == CutEnding::untouched;
        });
        relies_on_marks_ = false;
        count = select_proven(first, count);
        if (end != BlobEnd::early || std::ssize(to_cut_) != left) continue;
        // It was not for another file; perhaps the application has set an owner meanwhile.
        if (mark_ == 0) give_up_without_effect();
        mark_ = 0;
    }
    // One that was interrupted, or not needed, tells nothing.
    if (attempt == 0 && blob_began_ns_ != 0) note_cost();
    record_finished_cuts(to_cut_.size());
    const bool is_all_done = std::ranges::all_of(
        to_cut_, [this](const Cut* cut) { return entry_of(cut).ending == CutEnding::done; });
    if (!is_all_done) give_up_without_effect();
    release_bystanders();
    if (leaving_) {
        longest_hold_ns_ = std::max(longest_hold_ns_, vehicle().end_hold());
        record_hold(first, count);  // what follows may give up
        // Else the next chunk stops it.
        if (last_chunk_) see_off_vehicle();
    } else {
        release(vehicle());
        clear_slot();
    }
    record_hold(first, count);
    return count;
}

bool SurgeonProcess::leave_out_renewed(std::size_t first, std::size_t count) noexcept {
    bool any = false;
    for (std::size_t some = 0; some < count; some += polled_together) {
        const auto cuts = cuts_.subspan(first + some, std::min(polled_together, count - some));
        const auto renewed = find_renewed(cuts);
        for (std::size_t i = 0; renewed.any() && i < cuts.size(); ++i) {
            auto& entry = entry_of(&cuts[i]);
            if (!renewed[i] || entry.ending != CutEnding::untouched) continue;
            entry.ending = CutEnding::renewed;
            entry.committed = false;
            any = true;
        }
    }
    return any;
}

void SurgeonProcess::record_hold(std::size_t first, std::size_t count) noexcept {
    for (std::size_t i = first; i < first + count; ++i) {
        record_.cuts[i].stopped_us = static_cast<std::uint32_t>(longest_hold_ns_ / ns_per_us);
    }
}

bool SurgeonProcess::select_marked(std::size_t first, std::size_t count) {
    to_cut_.clear();
    for (std::size_t i = first; i < first + count; ++i) {
        if (record_.cuts[i].ending == CutEnding::untouched) to_cut_.push_back(&cuts_[i]);
    }
    const std::size_t ranges = arch::count_ranges(to_cut_);
    by_ranges_ = ranges <= range_limit_ && 2 * ranges <= to_cut_.size();
    // Only while nobody else runs does the end of the last cut prove what the blob found before;
    // so that one is proven from outside.
    return to_cut_.size() > 1 && freeze_ == Freeze::all &&
           (by_ranges_ || to_cut_.size() <= chunk_limit_) && can_look_at_marks() &&
           leads_to_file(patient_.table, *to_cut_.back()) == sys::Same::yes;
}

std::size_t SurgeonProcess::select_proven(std::size_t first, std::size_t count) {
    if (count > chunk_limit_) {
        count = chunk_limit_;
        last_chunk_ = false;
    }
    by_ranges_ = false;
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
                record_.cuts[i].committed = false;
                break;
            case sys::Same::unknown:
                give_up(
                    "it cannot be proven which file is behind an fd: kcmp(2) and /proc/PID/fd are "
                    "both denied");
        }
    }
    return count;
}

void SurgeonProcess::record_all_cuts() noexcept {
    for (const Cut* cut : to_cut_) entry_of(cut).ending = CutEnding::done;
}

void SurgeonProcess::record_finished_cuts(std::size_t count) {
    for (const Cut* cut : std::span(to_cut_).first(count)) {
        if (entry_of(cut).ending == CutEnding::done) continue;
        if (leads_elsewhere(patient_.table, *cut)) {
            entry_of(cut).ending = CutEnding::done;
        }
    }
}

void SurgeonProcess::note_cost() noexcept {
    if (to_cut_.size() == first_entry_size()) return;
    const auto measured = (blob_over_ns_ - blob_began_ns_) / (to_cut_.size() - first_entry_size());
    // One that seems to take much longer was interrupted.
    cut_ns_ = std::clamp(measured, least_cut_ns, 2 * cut_ns_.value_or(assumed_cut_ns));
}

std::size_t SurgeonProcess::affordable_cuts() const noexcept {
    // What a freeze costs by itself is not for smaller chunks to save: only the cuts count.
    const auto budget = static_cast<std::uint64_t>(patient_.max_freeze.count()) * ns_per_us;
    const std::uint64_t cost = proof_ns_ + cut_ns_.value_or(assumed_cut_ns);
    return std::max<std::size_t>(budget / cost, 1);
}

void SurgeonProcess::refuse_redirecting_vehicle() noexcept {
    record_.redirects = vehicle().tid();
    give_up(refusal::handles_calls);
}

void SurgeonProcess::give_up_without_effect() noexcept {
    // Or the program has put the file back at once, and next time it will not.
    give_up(operation_ == Operation::replace ? refusal::no_placeholder : refusal::without_effect,
            true);
}

void SurgeonProcess::give_up(const char* why, bool transient) noexcept {
    write_refusal(record_.refusal, why);
    record_.transient = transient;
    // The kernel lets go of every thread. A blob that was begun ends by itself.
    _exit(0);
}

}  // namespace unwait::ptrace
