// SPDX-License-Identifier: MIT
#include "surgeon.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <new>

#include "cut_check.hpp"
#include "file_marks.hpp"
#include "surgeon_process.hpp"
#include "unwait/error.hpp"

namespace unwait::ptrace {

namespace {

constexpr int attempts = 3;

struct Unmap {
    std::size_t size;
    void operator()(Record* record) const noexcept { ::munmap(record, size); }
};
using SharedRecord = std::unique_ptr<Record, Unmap>;

SharedRecord share_record(std::size_t cuts) {
    const std::size_t size = sizeof(Record) + cuts * sizeof(Record::Entry);
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) throw Error(errno, "mmap of the surgeon's record");
    auto* record = new (memory) Record{};
    record->cuts = reinterpret_cast<Record::Entry*>(record + 1);
    std::uninitialized_value_construct_n(record->cuts, cuts);
    return SharedRecord(record, Unmap{size});
}

[[noreturn]] void be_surgeon(const Patient& patient, Operation operation, std::span<const Cut> cuts,
                             pid_t mark, Record& record) noexcept {
    sigset_t all{};
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    // On a busy machine the target would otherwise be held for as long as we wait for a processor.
    sched_param priority{};
    priority.sched_priority = 1;
    static_cast<void>(sched_setscheduler(0, SCHED_FIFO, &priority));
    try {
        SurgeonProcess(patient, operation, cuts, mark, record).run();
    } catch (const std::exception& error) {
        std::strncpy(record.refusal.data(), error.what(), record.refusal.size() - 1);
    }
    _exit(0);
}

/// Whether it ended by itself.
bool run_surgeon(const Patient& patient, Operation operation, std::span<const Cut> cuts, pid_t mark,
                 Record& record) {
    const pid_t child = ::fork();
    if (child < 0) throw Error(errno, "fork of the surgeon");
    if (child == 0) be_surgeon(patient, operation, cuts, mark, record);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status);
}

/// A surgeon that was killed behind the commit point has done more than it could write down.
CutEnding ending_of(const Record::Entry& entry, const Cut& cut, const Patient& patient) {
    if (entry.ending != CutEnding::untouched || !entry.committed) return entry.ending;
    const auto same = leads_to_file(patient.table, cut);
    const bool is_done = same == sys::Same::no || same == sys::Same::gone;
    return is_done ? CutEnding::done : CutEnding::untouched;
}

}  // namespace

Surgery operate(const Patient& patient, Operation operation, std::span<const Cut> cuts) {
    Surgery surgery{std::vector<CutResult>(cuts.size()), ""};
    std::vector<Cut> left(cuts.begin(), cuts.end());
    std::vector<std::size_t> indexes(cuts.size());
    for (std::size_t i = 0; i < indexes.size(); ++i) indexes[i] = i;

    const FileMarks marks(cuts, patient.table);
    for (int attempt = 0; attempt < attempts && !left.empty(); ++attempt) {
        const auto record = share_record(left.size());
        const bool ended = run_surgeon(patient, operation, left, marks.value(), *record);
        std::vector<Cut> still_left;
        std::vector<std::size_t> still_left_indexes;
        for (std::size_t i = 0; i < left.size(); ++i) {
            auto& result = surgery.cuts[indexes[i]];
            result = {ending_of(record->cuts[i], left[i], patient),
                      std::chrono::microseconds{record->cuts[i].stopped_us}};
            if (result.ending != CutEnding::untouched) continue;
            still_left.push_back(left[i]);
            still_left_indexes.push_back(indexes[i]);
        }
        left = std::move(still_left);
        indexes = std::move(still_left_indexes);
        surgery.refusal = ended
                              ? record->refusal.data()
                              : "the surgeon was killed before it had finished (it took too long, "
                                "or somebody killed it)";
        if (ended && !record->transient) break;
    }
    return surgery;
}

}  // namespace unwait::ptrace
