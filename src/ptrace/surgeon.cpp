// SPDX-License-Identifier: MIT
#include "surgeon.hpp"

#include <cstddef>
#include <ctime>
#include <memory>
#include <optional>
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

/// A surgeon that was killed leaves the target at what it has begun. Nobody else must come to these
/// numbers before that has ended: the application may have them again at once.
void await_end(const Record& record, std::span<const Cut> cuts, const Patient& patient) {
    const std::uint64_t deadline = now_ns() + blob_patience;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        const auto& entry = record.cuts[i];
        if (entry.ending != CutEnding::untouched || !entry.committed) continue;
        while (!leads_elsewhere(patient.table, cuts[entry.proof]) && now_ns() < deadline) {
            constexpr timespec pause{0, 20'000};
            nanosleep(&pause, nullptr);
        }
    }
}

/// Whether the surgeon has met a thread that handles its own system calls: another one may not.
bool is_to_be_passed_over(const Record& record, std::vector<pid_t>& passed_over) {
    if (record.redirects == 0 || passed_over.size() == most_candidates) return false;
    passed_over.push_back(record.redirects);
    return true;
}

}  // namespace

Surgery operate(const Patient& patient, Operation operation, std::span<const Cut> cuts) {
    Surgery surgery{std::vector<CutResult>(cuts.size()), ""};
    std::vector<Cut> left(cuts.begin(), cuts.end());
    std::vector<std::size_t> indexes(cuts.size());
    std::vector<std::optional<std::size_t>> proofs(cuts.size());  // of those that were committed
    for (std::size_t i = 0; i < indexes.size(); ++i) indexes[i] = i;

    std::vector<pid_t> passed_over;
    const FileMarks marks(cuts, patient.table);
    for (int attempt = 0; attempt < attempts && !left.empty(); ++attempt) {
        const auto record = share_surgeon_record(left.size());
        const bool ended = run_disposable(
            [&] {
                SurgeonProcess(patient, operation, left, marks.value(), passed_over, *record).run();
            },
            record->refusal);
        if (!ended) await_end(*record, left, patient);
        std::vector<Cut> still_left;
        std::vector<std::size_t> still_left_indexes;
        for (std::size_t i = 0; i < left.size(); ++i) {
            const auto& entry = record->cuts[i];
            surgery.cuts[indexes[i]] = {entry.ending, std::chrono::microseconds{entry.stopped_us}};
            if (entry.committed) proofs[indexes[i]] = indexes[entry.proof];
        }
        for (std::size_t i = 0; i < left.size(); ++i) {
            auto& result = surgery.cuts[indexes[i]];
            const auto proof = proofs[indexes[i]];
            // A surgeon that was killed, or gave up waiting, has done more than it could write
            // down, and the next one finds that changed. What that one has done is no such proof.
            if (proof && result.ending != CutEnding::done &&
                surgery.cuts[*proof].ending != CutEnding::done &&
                leads_elsewhere(patient.table, left[i]) &&
                leads_elsewhere(patient.table, cuts[*proof])) {
                result.ending = CutEnding::done;
            }
            if (result.ending != CutEnding::untouched) continue;
            still_left.push_back(left[i]);
            still_left_indexes.push_back(indexes[i]);
        }
        left = std::move(still_left);
        indexes = std::move(still_left_indexes);
        surgery.refusal = ended ? record->refusal.data() : killed_early;
        if (is_to_be_passed_over(*record, passed_over)) {
            --attempt;
            continue;
        }
        if (ended && !record->transient) break;
        surgery.refusal += advice_to_wait;
    }
    // The target may have got to the end of what the surgeon had begun.
    if (left.empty()) surgery.refusal.clear();
    return surgery;
}

Rehearsal rehearse(const Patient& patient, Operation operation) {
    Rehearsal rehearsal;
    std::vector<pid_t> passed_over;
    for (int attempt = 0; attempt < attempts_to_rehearse; ++attempt) {
        const auto record = share_surgeon_record(0);
        const bool ended = run_disposable(
            [&] { SurgeonProcess(patient, operation, {}, 0, passed_over, *record).rehearse(); },
            record->refusal);
        rehearsal.refusal = ended ? record->refusal.data() : killed_early;
        rehearsal.room = record->room;
        rehearsal.stopped = std::chrono::microseconds{record->stopped_ns / ns_per_us};
        rehearsal.tells_sequences |= record->tells_sequences;
        rehearsal.tells_dispatch |= record->tells_dispatch;
        if (record->redirects_calls) rehearsal.redirects_calls = record->redirects_calls;
        if (is_to_be_passed_over(*record, passed_over)) {
            --attempt;
            continue;
        }
        if (ended && !record->transient) break;
    }
    if (rehearsal.refusal.ends_with(refusal::advice)) {
        rehearsal.refusal.resize(rehearsal.refusal.size() - refusal::advice.size());
    }
    return rehearsal;
}

}  // namespace unwait::ptrace
