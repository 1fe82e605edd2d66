// SPDX-License-Identifier: MIT
#include "stack.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <span>
#include <string_view>

#include "dead_man.hpp"
#include "disposable_process.hpp"
#include "file.hpp"
#include "text_scan.hpp"
#include "unwinder.hpp"

namespace unwait::ptrace {

namespace {

constexpr std::uint64_t patience_ns = 10'000'000'000;
constexpr rlim_t most_memory = rlim_t{1} << 30;

/// A call as both processes see it; what is longer is cut off.
struct Told {
    std::uint64_t address;
    std::uint64_t offset;
    std::array<char, 1024> function;
    std::array<char, PATH_MAX> object;
};

struct Record {
    bool done;
    std::int64_t stopped_us;
    std::array<char, 200> note;
    std::array<char, 200> refusal;
    std::size_t count;
    std::array<Told, most_frames> frames;
};

/// The last byte stays zero.
void store(std::span<char> into, std::string_view text) noexcept {
    std::copy_n(text.data(), std::min(text.size(), into.size() - 1), into.data());
}

/// Beside what there is already: a sanitizer reserves more than any machine has.
void limit_memory() {
    const std::string text = sys::read_file("/proc/self/statm").value_or("");
    std::string_view rest = text;
    const auto pages = sys::to_number<rlim_t>(sys::take_word(rest)).value_or(0);
    const rlim_t most = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + most_memory;
    const rlimit limit{most, most};
    static_cast<void>(::setrlimit(RLIMIT_AS, &limit));
}

void tell(Record& record, const Stack& stack) {
    for (const StackFrame& frame : stack.frames) {
        Told& told = record.frames.at(record.count++);
        told.address = frame.address;
        told.offset = frame.offset;
        store(told.function, frame.function);
        store(told.object, frame.object);
    }
    store(record.note, stack.note);
    record.stopped_us = stack.stopped.count();
    record.done = true;
}

Stack told_by(const Record& record) {
    Stack stack;
    for (const Told& told : std::span(record.frames).first(record.count)) {
        stack.frames.push_back(
            {told.address, told.function.data(), told.offset, told.object.data()});
    }
    stack.note = record.note.data();
    stack.stopped = std::chrono::microseconds{record.stopped_us};
    return stack;
}

}  // namespace

Stack stack_of(const ProcessId& process, pid_t tid) {
    const auto record = share_record<Record>();
    const auto body = [&] {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        arm_dead_man(patience_ns);
        limit_memory();
        tell(*record, unwind(process, tid));
    };
    const bool ended = run_disposable(body, record->refusal, Priority::ordinary);
    if (record->done) return told_by(*record);
    Stack stack;
    stack.is_hopeless = !ended;
    stack.note = std::string("no stack: ") +
                 (ended ? record->refusal.data()
                        : "reading the files that the process has mapped took too long or failed");
    return stack;
}

}  // namespace unwait::ptrace
