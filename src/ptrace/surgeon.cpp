// SPDX-License-Identifier: MIT
#include "surgeon.hpp"

#include <cstddef>
#include <memory>
#include <utility>

#include "cut_check.hpp"
#include "disposable_process.hpp"
#include "file_marks.hpp"
#include "surgeon_limits.hpp"
#include "surgeon_process.hpp"

namespace unwait::ptrace {

namespace {

constexpr int attempts = 3;
constexpr int attempts_to_rehearse = 10;  // nothing is changed by any of them
constexpr auto killed_early =
    "the surgeon was killed before it had finished (it took too long, or somebody killed it)";
constexpr auto advice_to_wait =
    "; this may pass: run again, or --actions shutdown, which stops nobody";

std::unique_ptr<Record, Unmap> share_surgeon_record(std::size_t cuts) {
    auto record = share_record<Record>(cuts * sizeof(Record::Entry));
    record->cuts = reinterpret_cast<Record::Entry*>(record.get() + 1);
    std::uninitialized_value_construct_n(record->cuts, cuts);
    return record;
}

/// A surgeon that was killed behind the commit point has done more than it could write down.
CutEnding ending_of(const Record::Entry& entry, const Cut& cut, const Patient& patient) {
    if (entry.ending != CutEnding::untouched || !entry.committed) return entry.ending;
    const auto same = leads_to_file(patient.table, cut);
    const bool is_done = same == sys::Same::no || same == sys::Same::gone;
    return is_done ? CutEnding::done : CutEnding::untouched;
}

/// One that gave up waiting may have left a blob to end by itself, before the next one looked.
CutEnding ending_after(bool was_committed, CutEnding ending) noexcept {
    return was_committed && ending == CutEnding::changed ? CutEnding::done : ending;
}

}  // namespace

Surgery operate(const Patient& patient, Operation operation, std::span<const Cut> cuts) {
    Surgery surgery{std::vector<CutResult>(cuts.size()), ""};
    std::vector<Cut> left(cuts.begin(), cuts.end());
    std::vector<std::size_t> indexes(cuts.size());
    std::vector<bool> was_committed(cuts.size());
    for (std::size_t i = 0; i < indexes.size(); ++i) indexes[i] = i;

    const FileMarks marks(cuts, patient.table);
    for (int attempt = 0; attempt < attempts && !left.empty(); ++attempt) {
        const auto record = share_surgeon_record(left.size());
        const bool ended = run_disposable(
            [&] { SurgeonProcess(patient, operation, left, marks.value(), *record).run(); },
            record->refusal);
        std::vector<Cut> still_left;
        std::vector<std::size_t> still_left_indexes;
        for (std::size_t i = 0; i < left.size(); ++i) {
            const auto& entry = record->cuts[i];
            auto& result = surgery.cuts[indexes[i]];
            result = {ending_after(was_committed[indexes[i]], ending_of(entry, left[i], patient)),
                      std::chrono::microseconds{entry.stopped_us}};
            was_committed[indexes[i]] = was_committed[indexes[i]] || entry.committed;
            if (result.ending != CutEnding::untouched) continue;
            still_left.push_back(left[i]);
            still_left_indexes.push_back(indexes[i]);
        }
        left = std::move(still_left);
        indexes = std::move(still_left_indexes);
        surgery.refusal = ended ? record->refusal.data() : killed_early;
        if (ended && !record->transient) break;
        surgery.refusal += advice_to_wait;
    }
    // The target may have got to the end of what the surgeon had begun.
    if (left.empty()) surgery.refusal.clear();
    return surgery;
}

Rehearsal rehearse(const Patient& patient, Operation operation) {
    Rehearsal rehearsal;
    for (int attempt = 0; attempt < attempts_to_rehearse; ++attempt) {
        const auto record = share_surgeon_record(0);
        const bool ended =
            run_disposable([&] { SurgeonProcess(patient, operation, {}, 0, *record).rehearse(); },
                           record->refusal);
        rehearsal.refusal = ended ? record->refusal.data() : killed_early;
        rehearsal.room = record->room;
        rehearsal.stopped = std::chrono::microseconds{record->stopped_ns / ns_per_us};
        rehearsal.tells_sequences = record->tells_sequences;
        rehearsal.tells_dispatch = record->tells_dispatch;
        rehearsal.redirects_calls = record->redirects_calls;
        if (ended && !record->transient) break;
    }
    if (rehearsal.refusal.ends_with(refusal::advice)) {
        rehearsal.refusal.resize(rehearsal.refusal.size() - refusal::advice.size());
    }
    return rehearsal;
}

}  // namespace unwait::ptrace
