// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cave.hpp"
#include "fd.hpp"
#include "filter_check.hpp"
#include "surgeon.hpp"
#include "surgeon_limits.hpp"
#include "traced_thread.hpp"

namespace unwait::ptrace {

/// What the surgeon tells its parent, in memory that both share.
struct Record {
    struct Entry {
        CutEnding ending;
        /// The target was made to carry it out; `ending` may be behind. It has done so, by itself
        /// perhaps, when the cut with the number `proof` has ended: it comes last of those that
        /// are made in order, none behind one that is not.
        bool committed;
        std::uint32_t proof;
        std::uint32_t stopped_us;
    };
    std::array<char, 256> refusal;
    bool transient;   ///< the refusal is about a passing state: worth another try
    pid_t redirects;  ///< the thread, if it is about one that handles its own system calls
    bool finished;    ///< every cut was reached
    // What rehearse() found:
    bool tells_sequences;
    bool tells_dispatch;
    std::optional<bool> redirects_calls;
    std::uint64_t stopped_ns;
    std::size_t room;
    Entry* cuts;  ///< behind this record, one for each cut
};

/// The body of the disposable process that holds the target (see operate()). It may be killed at
/// any instant. While a thread is stopped nothing here allocates, writes output or waits without a
/// deadline, and a kernel timer kills the process when it takes too long: the kernel then lets
/// every thread go.
class SurgeonProcess {
public:
    /// `mark`: what the files carry (FileMarks), 0 for nothing. `passed_over`: threads that are not
    /// to make the calls.
    SurgeonProcess(const Patient& patient, Operation operation, std::span<const Cut> cuts,
                   pid_t mark, std::span<const pid_t> passed_over, Record& record)
        : patient_(patient),
          operation_(operation),
          cuts_(cuts),
          mark_(mark),
          passed_over_(passed_over),
          record_(record),
          freeze_(patient.freeze) {}

    /// Performs all cuts, chunk by chunk. Returns when all were reached; ends the process when it
    /// cannot go on, with the reason in the record. Throws Error before anything was stopped.
    void run();

    /// See ptrace::rehearse().
    void rehearse();

private:
    // Before anything is stopped.
    void find_room();
    [[nodiscard]] std::vector<TracedThread> seize_vehicle(std::span<const SurveyedThread> surveyed);
    [[nodiscard]] std::string objection_of(TracedThread& thread);
    [[nodiscard]] bool stop_alone(TracedThread& thread) noexcept;
    void seize_threads();
    void check_identity();
    void reclaim_room();
    /// Takes from the first freeze what the first time costs.
    void warm_up() noexcept;

    // While threads are stopped.
    /// How many of the cuts from there on one freeze has room for, and at most so many.
    [[nodiscard]] std::size_t chunk_size(std::size_t first, std::size_t wanted);
    /// Returns how many of them it came to.
    [[nodiscard]] std::size_t operate_chunk(std::size_t first, std::size_t count);
    void hold_everyone();
    template <typename Chosen>
    void hold_those(Chosen&& is_chosen);
    using Spin = TracedThread::Spin;
    [[nodiscard]] bool hold(TracedThread& thread, std::uint64_t deadline, Spin spin);
    /// Gives up because a thread has not come to its stop in time, and awaits those that still do,
    /// while nobody is held.
    [[noreturn]] void retreat();
    void hold_newcomers();
    [[nodiscard]] bool everyone_is_held() const noexcept;
    void check_vehicle();
    /// Takes away those that are not past any more. Whether there were any.
    bool leave_out_renewed(std::size_t first, std::size_t count) noexcept;
    [[nodiscard]] bool select_marked(std::size_t first, std::size_t count);
    /// Returns how many of them there was room for.
    [[nodiscard]] std::size_t select_proven(std::size_t first, std::size_t count);
    /// How a run of the blob ended.
    enum class BlobEnd : std::uint8_t {
        finished,  ///< it has gone through its table
        not_begun,
        interrupted,     ///< put back in the middle of it, by a signal
        early,           ///< at a number that had not the mark, or could not be replaced
        without_effect,  ///< behind it, but its last cut was not made
    };
    [[nodiscard]] BlobEnd run_blob();
    /// False when a signal or one of its own calls came between: it must be held, and the cuts
    /// proven, again.
    [[nodiscard]] bool prepare_vehicle();
    [[nodiscard]] bool can_look_at_marks() const noexcept;
    [[nodiscard]] arch::BlobTask blob_task() const noexcept;
    void write_blob();
    void begin_blob();
    [[nodiscard]] bool blob_has_finished() const noexcept;
    [[nodiscard]] BlobEnd leave_blob(bool is_closed);
    /// For a thread that is held but gets nowhere: puts it back, and gives up.
    [[noreturn]] void withdraw_blob();
    [[noreturn]] void abandon_blob();
    enum class Seen : std::uint8_t {
        made,
        nothing,  ///< before the deadline
        signal,
    };
    /// Waits until the last cut was made, for so many times as long as that should take.
    [[nodiscard]] Seen watch_blob(std::uint64_t times, std::uint64_t deadline);
    /// Stays awake until `spin_until`.
    [[nodiscard]] Seen watch_cut(const Cut& cut, std::uint64_t spin_until, std::uint64_t deadline);
    /// How many cuts the first of the blob's calls makes.
    [[nodiscard]] std::size_t first_entry_size() const noexcept {
        return by_ranges_ ? arch::size_of_range(to_cut_) : 1;
    }
    [[nodiscard]] arch::Registers read_vehicle() noexcept;
    [[nodiscard]] int open_placeholder(const arch::Registers& now) const noexcept;
    [[nodiscard]] bool has_made_all_calls(const arch::Registers& now) const noexcept;
    [[nodiscard]] bool is_in_slot(std::uintptr_t address) const noexcept;
    [[nodiscard]] Record::Entry& entry_of(const Cut* cut) noexcept {
        return record_.cuts[cut - cuts_.data()];
    }
    void record_all_cuts() noexcept;
    /// Of the first so many.
    void record_finished_cuts(std::size_t count);
    /// How long somebody was held for a chunk.
    void record_hold(std::size_t first, std::size_t count) noexcept;
    void release_bystanders();
    /// Takes the blob away once the vehicle was seen outside of it.
    void see_off_vehicle();
    void release(TracedThread& thread) noexcept;
    void clear_slot() noexcept;
    void note_cost() noexcept;
    [[nodiscard]] std::size_t affordable_cuts() const noexcept;
    [[noreturn]] void refuse_redirecting_vehicle() noexcept;
    [[noreturn]] void give_up_without_effect() noexcept;
    [[noreturn]] void give_up(const char* why, bool transient = false) noexcept;

    [[nodiscard]] TracedThread& vehicle() noexcept { return threads_[vehicle_]; }

    const Patient& patient_;
    Operation operation_;
    std::span<const Cut> cuts_;
    pid_t mark_;
    std::span<const pid_t> passed_over_;
    Record& record_;
    Freeze freeze_;

    sys::Fd memory_;                         // /proc/PID/mem
    std::vector<sys::Fd> task_directories_;  // of the process, then of its sharers
    std::vector<TracedThread> threads_;      // in the order in which they are stopped
    std::size_t vehicle_ = 0;                // the thread that runs the blob
    std::optional<FilterCheck> filters_;
    std::optional<Cave> cave_;
    arch::Wait wait_ = arch::Wait::never;  // of the blob, for us
    bool leaving_ = false;            // nobody has yet seen the vehicle outside of its last blob
    bool must_reclaim_ = false;       // slots of killed surgeons take the room
    std::uintptr_t slot_ = 0;         // address of the header; the blob stands behind it
    std::size_t slot_size_ = 0;       // as last written
    std::vector<std::byte> image_;    // what is written there
    std::vector<const Cut*> to_cut_;  // of the chunk, and not yet done
    bool relies_on_marks_ = false;    // only the blob has proven them; else both have
    int placeholder_ = -1;            // that an interrupted blob has left open in the target
    bool by_ranges_ = false;          // it closes them by ranges
    std::size_t chunk_limit_ = 0;     // numbers that the room is enough for
    std::size_t range_limit_ = 0;     // ranges of marked ones; 0 where none are to be closed so
    std::uint64_t proof_ns_ = 0;      // what it takes to prove one more cut from outside
    std::optional<std::uint64_t> cut_ns_;  // what one more takes in the blob, once it was measured
    std::uint64_t blob_began_ns_ = 0;      // when its first call was seen to be made, if at once
    std::uint64_t blob_over_ns_ = 0;       // when the last one was
    std::uint64_t longest_hold_ns_ = 0;    // of any thread, in this chunk
    bool last_chunk_ = false;
};

}  // namespace unwait::ptrace
