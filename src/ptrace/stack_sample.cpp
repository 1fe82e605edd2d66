// SPDX-License-Identifier: MIT
#include "stack_sample.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "dead_man.hpp"
#include "disposable_process.hpp"
#include "file.hpp"
#include "filter_check.hpp"
#include "memory.hpp"
#include "surgeon_limits.hpp"
#include "survey.hpp"
#include "traced_thread.hpp"
#include "unwait/error.hpp"

namespace unwait::ptrace {

namespace {

constexpr std::size_t most_stack = std::size_t{256} * 1024;

/// What the sampling process leaves, in memory that both share.
struct Record {
    bool done;
    arch::Registers registers;
    std::uintptr_t stack_begin;
    std::size_t stack_size;
    std::uint64_t stopped_ns;
    std::array<char, 200> refusal;
    std::array<std::byte, most_stack> stack;
};

/// In the sampling process. While the thread is held nothing is allocated or written.
void sample_into(Record& record, const SurveyedThread& surveyed) {
    // No page of it is first touched then either: each process finds those that it shares anew.
    record.stack.fill(std::byte{0});
    FilterCheck filters(Operation::close, {}, 0);
    TracedThread thread(surveyed);
    arm_dead_man(preparation_patience);
    if (const int error = thread.seize(); error != 0) {
        return write_refusal(record.refusal, std::strerror(error));
    }
    arm_dead_man(2 * stop_patience);
    thread.interrupt();
    if (!thread.hold(now_ns() + stop_patience, filters)) {
        return write_refusal(record.refusal, "it did not stop in time");
    }
    record.registers = thread.registers;
    record.stack_begin = arch::stack_pointer(thread.registers);
    record.stack_size =
        sys::read_memory(thread.tid(), record.stack_begin, record.stack).value_or(0);
    record.stopped_ns = thread.release(true);
    record.done = true;
}

StackSample refused(std::string why) {
    StackSample sample;
    sample.refusal = std::move(why);
    return sample;
}

/// All that would have changed if the thread had run meanwhile.
struct Sleep {
    std::string call;
    std::string switches;

    bool operator==(const Sleep&) const = default;
};

Sleep sleep_of(pid_t tid) {
    const std::string directory = "/proc/" + std::to_string(tid);
    Sleep sleep;
    sleep.call = sys::read_file(directory + "/syscall").value_or("");
    const std::string status = sys::read_file(directory + "/status").value_or("");
    sleep.switches = status.substr(std::min(status.find("voluntary_ctxt"), status.size()));
    return sleep;
}

}  // namespace

StackSample sample_asleep(pid_t tid) try {
    const Sleep before = sleep_of(tid);
    const auto call = arch::parse_call(before.call);
    if (!call) return refused("it does not sleep in a system call");
    StackSample sample;
    sample.is_partial = true;
    sample.stack_begin = call->stack_pointer;
    arch::set_sampled(sample.registers, *call);
    sample.stack.resize(most_stack);
    sample.stack.resize(sys::read_memory(tid, sample.stack_begin, sample.stack).value_or(0));
    if (sample.stack.empty()) return refused("its stack cannot be read");
    if (sleep_of(tid) != before) return refused("it ran meanwhile");
    return sample;
} catch (const Error& error) {
    return refused(error.what());
}

StackSample sample_stopped(const ProcessId& process, pid_t tid) {
    const auto found = survey_thread(process.pid, tid);
    if (!found || found->zombie) return refused("it has ended");
    if (found->fitness == Fitness::unfit) return refused("it cannot be stopped just now");
    const auto record = share_record<Record>();
    static_cast<void>(run_disposable([&] { sample_into(*record, *found); }, record->refusal));
    if (!record->done) {
        return refused(record->refusal[0] != '\0' ? record->refusal.data()
                                                  : "the sampling process was killed");
    }
    StackSample sample;
    sample.registers = record->registers;
    sample.stack_begin = record->stack_begin;
    sample.stack.assign(record->stack.begin(),
                        record->stack.begin() + static_cast<std::ptrdiff_t>(record->stack_size));
    sample.stopped = std::chrono::microseconds{record->stopped_ns / 1'000};
    return sample;
}

}  // namespace unwait::ptrace
