// SPDX-License-Identifier: MIT
#include "unwinder.hpp"

#include <cxxabi.h>
#include <libunwind-ptrace.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "memory.hpp"
#include "stack_sample.hpp"

// It is there for all who know where a table is, but no header says so.
#define dwarf_search_unwind_table UNW_OBJ(dwarf_search_unwind_table)
extern "C" int dwarf_search_unwind_table(unw_addr_space_t, unw_word_t, unw_dyn_info_t*,
                                         unw_proc_info_t*, int, void*);

namespace unwait::ptrace {

namespace {

/// The sample that libunwind asks about. The argument of its callbacks is taken: the functions of
/// libunwind-ptrace that find unwind tables and names want it to be theirs.
struct Subject {
    const StackSample* sample = nullptr;
    const CodeMap* code = nullptr;
    const UnwindTable* vdso = nullptr;  ///< absent when there is none
    pid_t tid = 0;
    bool wanted_unknown = false;  ///< a register was needed that a partial sample does not have
};
thread_local Subject subject;

/// libunwind knows of no signatures, and takes such an address for one where no code is.
unw_word_t plain(unw_word_t word) {
    const unw_word_t address = arch::without_signature(word);
    return address != word && subject.code->is_code(address) ? address : word;
}

std::optional<unw_word_t> word_at(pid_t tid, const StackSample& sample, unw_word_t address) {
    if (address >= sample.stack_begin &&
        address - sample.stack_begin + sizeof(unw_word_t) <= sample.stack.size()) {
        unw_word_t word = 0;
        std::memcpy(&word, sample.stack.data() + (address - sample.stack_begin), sizeof word);
        return word;
    }
    // Code and tables, which do not change, and what lies further up the stack.
    return sys::read_object<unw_word_t>(tid, address);
}

int access_memory(unw_addr_space_t, unw_word_t address, unw_word_t* value, int write, void*) {
    if (write != 0) return -UNW_EINVAL;
    const auto word = word_at(subject.tid, *subject.sample, address);
    if (!word) return -UNW_EINVAL;
    *value = plain(*word);
    return 0;
}

int access_register(unw_addr_space_t, unw_regnum_t number, unw_word_t* value, int write, void*) {
    if (write != 0) return -UNW_EREADONLYREG;
    const auto known =
        arch::dwarf_register(subject.sample->registers, number, subject.sample->is_partial);
    if (!known) {
        subject.wanted_unknown = true;
        return -UNW_EBADREG;
    }
    *value = plain(*known);
    return 0;
}

int access_float(unw_addr_space_t, unw_regnum_t, unw_fpreg_t*, int, void*) { return -UNW_EBADREG; }

int dynamic_list(unw_addr_space_t, unw_word_t*, void*) { return -UNW_ENOINFO; }

int resume(unw_addr_space_t, unw_cursor_t*, void*) { return -UNW_EINVAL; }

int find_procedure(unw_addr_space_t space, unw_word_t address, unw_proc_info_t* info, int needed,
                   void* tables) {
    const UnwindTable* vdso = subject.vdso;
    if (vdso == nullptr || !vdso->code.contains(address)) {
        return _UPT_find_proc_info(space, address, info, needed, tables);
    }
    unw_dyn_info_t table{};
    table.start_ip = vdso->code.begin;
    table.end_ip = vdso->code.end;
    table.format = UNW_INFO_FORMAT_REMOTE_TABLE;
    table.u.rti.segbase = vdso->header;
    table.u.rti.table_data = vdso->entries;
    table.u.rti.table_len = vdso->count;  // an entry is as long as a word
    return dwarf_search_unwind_table(space, address, &table, info, needed, tables);
}

struct Destroy {
    void operator()(void* info) const noexcept { _UPT_destroy(info); }
    void operator()(unw_addr_space* space) const noexcept { unw_destroy_addr_space(space); }
};
using Tables = std::unique_ptr<void, Destroy>;
using Space = std::unique_ptr<unw_addr_space, Destroy>;

Space make_space() {
    unw_accessors_t accessors{};
    accessors.find_proc_info = find_procedure;
    accessors.put_unwind_info = _UPT_put_unwind_info;
    accessors.get_dyn_info_list_addr = dynamic_list;
    accessors.access_mem = access_memory;
    accessors.access_reg = access_register;
    accessors.access_fpreg = access_float;
    accessors.resume = resume;
    accessors.get_proc_name = _UPT_get_proc_name;
    return Space(unw_create_addr_space(&accessors, 0));
}

std::string demangled(const char* name) {
    int status = -1;
    const std::unique_ptr<char, decltype(&std::free)> text(
        abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
    return status == 0 && text ? text.get() : name;
}

/// libunwind gives the nearest name before an address, however far: with most symbols stripped that
/// is another function's.
bool is_within(unw_cursor_t& cursor, unw_word_t begin) {
    unw_proc_info_t info{};
    return unw_get_proc_info(&cursor, &info) != 0 || info.start_ip <= begin;
}

StackFrame frame_at(unw_cursor_t& cursor, const CodeMap& code) {
    StackFrame frame;
    unw_word_t address = 0;
    unw_get_reg(&cursor, UNW_REG_IP, &address);
    frame.address = address;
    frame.object = code.object_at(address);
    if (const auto generated = code.generated_at(address)) {
        frame.function = generated->function;
        frame.offset = address - generated->begin;
        return frame;
    }
    std::array<char, 1024> name{};
    unw_word_t offset = 0;
    if (unw_get_proc_name(&cursor, name.data(), name.size(), &offset) == 0 &&
        is_within(cursor, address - offset)) {
        frame.function = demangled(name.data());
        frame.offset = offset;
    }
    return frame;
}

}  // namespace

Unwinder::Unwinder(const ProcessId& process) : process_(process), code_(CodeMap::of(process.pid)) {
    vdso_ = code_.range_of("[vdso]");
    if (vdso_) vdso_table_ = find_unwind_table(process.pid, *vdso_);
}

/// Where the thread is, and where all that it is in returns to, out of code that has no table, such
/// as the [vdso] of aarch64. Empty where a table tells.
std::vector<std::uintptr_t> Unwinder::follow_records(pid_t tid, const StackSample& sample) const {
    const std::uintptr_t begin = arch::instruction_pointer(sample.registers);
    const auto records = arch::frame_records(sample.registers);
    const bool is_without_table = vdso_ && vdso_->contains(begin) && !vdso_table_;
    if (!is_without_table || sample.is_partial || !records) return {};
    std::vector<std::uintptr_t> addresses{begin};
    const std::uintptr_t link = arch::without_signature(records->link);
    for (std::uintptr_t at = records->innermost; addresses.size() < most_frames;) {
        const auto outer = word_at(tid, sample, at);
        const auto signed_back = word_at(tid, sample, at + sizeof(std::uintptr_t));
        const auto back = arch::without_signature(signed_back.value_or(0));
        // The innermost function may have no record of its own yet, or none any more.
        const bool is_recorded = link == back || vdso_->contains(link) || !code_.is_code(link);
        if (addresses.size() == 1 && !is_recorded) addresses.push_back(link);
        if (!outer || !code_.is_code(back)) break;
        addresses.push_back(back);
        if (*outer <= at) break;
        at = *outer;
    }
    return addresses;
}

/// Whether all of the stack was walked that this sample can show.
bool Unwinder::walk(Stack& stack, pid_t tid, const StackSample& sample) const {
    const Space space = make_space();
    const Tables tables(_UPT_create(process_.pid));
    unw_cursor_t cursor;
    const auto begin_at = [&](const StackSample& begin) {
        subject = {&begin, &code_, vdso_table_ ? &*vdso_table_ : nullptr, tid, false};
        return space && tables && unw_init_remote(&cursor, space.get(), tables.get()) >= 0;
    };
    if (const auto addresses = follow_records(tid, sample); !addresses.empty()) {
        StackSample moved = sample;
        for (const std::uintptr_t address : addresses) {
            arch::move_instruction_pointer(moved.registers, address);
            if (begin_at(moved)) stack.frames.push_back(frame_at(cursor, code_));
        }
        return true;
    }
    if (!begin_at(sample)) {
        stack.note = "the unwinder cannot begin there";
        return false;
    }
    for (int step = 1; step > 0; step = unw_step(&cursor)) {
        if (stack.frames.size() == most_frames) {
            stack.note = "more calls are further out";
            return true;
        }
        StackFrame frame = frame_at(cursor, code_);
        if (frame.address == 0) break;
        if (!code_.is_code(frame.address)) {  // a guess of libunwind's, where tables are missing
            stack.note = "nothing tells how to go on from there";
            break;
        }
        stack.frames.push_back(std::move(frame));
    }
    return !subject.wanted_unknown;
}

Stack Unwinder::unwind(pid_t tid) const {
    Stack stack;
    StackSample sample = sample_asleep(tid);
    if (sample.refusal.empty() && walk(stack, tid, sample)) return stack;
    sample = sample_stopped(process_, tid);
    if (!sample.refusal.empty()) {
        if (stack.frames.empty()) stack.note = "no stack: " + sample.refusal;
        return stack;
    }
    stack = {};
    stack.stopped = sample.stopped;
    walk(stack, tid, sample);
    return stack;
}

}  // namespace unwait::ptrace
