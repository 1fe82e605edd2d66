// SPDX-License-Identifier: MIT
#include "stack.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <string_view>

#include "dead_man.hpp"
#include "disposable_process.hpp"
#include "file.hpp"
#include "text_scan.hpp"
#include "unwinder.hpp"

namespace unwait::ptrace {

namespace {

constexpr std::uint64_t patience_ns = 10'000'000'000;
constexpr std::size_t most_threads = 16;  // for one process of ours
constexpr rlim_t most_memory = rlim_t{1} << 30;

/// A call as both processes see it; what is longer is cut off.
struct Told {
    std::uint64_t address;
    std::uint64_t offset;
    std::array<char, 1024> function;
    std::array<char, PATH_MAX> object;
};

struct ToldStack {
    bool done;
    std::int64_t stopped_us;
    std::array<char, 200> note;
    std::size_t count;
    std::array<Told, most_frames> frames;
};

struct Record {
    std::array<char, 200> refusal;
    std::array<ToldStack, most_threads> stacks;
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

void tell(ToldStack& record, const Stack& stack) {
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

Stack told_by(const ToldStack& record) {
    Stack stack;
    for (const Told& told : std::span(record.frames).first(std::min(record.count, most_frames))) {
        stack.frames.push_back(
            {told.address, told.function.data(), told.offset, told.object.data()});
    }
    stack.note = record.note.data();
    stack.stopped = std::chrono::microseconds{record.stopped_us};
    return stack;
}

/// Adds those of at most most_threads threads. Returns why some are missing; empty when none is.
std::string read_some(const ProcessId& process, std::span<const pid_t> tids,
                      std::map<pid_t, Stack>& stacks) {
    const auto record = share_record<Record>();
    const auto body = [&] {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        arm_dead_man(patience_ns);
        limit_memory();
        const Unwinder unwinder(process);
        for (std::size_t i = 0; i < tids.size(); ++i) {
            arm_dead_man(patience_ns);
            tell(record->stacks.at(i), unwinder.unwind(tids[i]));
        }
    };
    const bool ended = run_disposable(body, record->refusal, Priority::ordinary);
    for (std::size_t i = 0; i < tids.size(); ++i) {
        if (record->stacks.at(i).done) stacks.emplace(tids[i], told_by(record->stacks.at(i)));
    }
    if (!ended) return "reading the files that the process has mapped took too long or failed";
    return record->refusal.data();
}

}  // namespace

std::map<pid_t, Stack> stacks_of(const ProcessId& process, std::span<const pid_t> tids) {
    std::map<pid_t, Stack> stacks;
    std::string failure;
    for (auto left = tids; !left.empty() && failure.empty();) {
        const auto some = left.first(std::min(left.size(), most_threads));
        failure = read_some(process, some, stacks);
        left = left.subspan(some.size());
    }
    for (const pid_t tid : tids) stacks.try_emplace(tid, Stack{{}, "no stack: " + failure, {}});
    return stacks;
}

}  // namespace unwait::ptrace
