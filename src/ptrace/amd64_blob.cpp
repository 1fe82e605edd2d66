// SPDX-License-Identifier: MIT
#include <linux/audit.h>
#include <sys/syscall.h>

#include <cstring>

#include "x86_blobs.hpp"

extern "C" {
extern const std::byte unwait_blob_close[];
extern const std::byte unwait_blob_close_end[];
extern const std::byte unwait_blob_replace[];
extern const std::byte unwait_blob_replace_end[];
// Behind the system call instructions.
extern const std::byte unwait_after_cut_close[];
extern const std::byte unwait_begin_close[];
extern const std::byte unwait_begin_replace[];
extern const std::byte unwait_next_close[];
extern const std::byte unwait_next_replace[];
extern const std::byte unwait_over_close[];
extern const std::byte unwait_over_replace[];
extern const std::byte unwait_leaving_close[];
extern const std::byte unwait_leaving_replace[];
extern const std::byte unwait_after_socket_replace[];
extern const std::byte unwait_after_shutdown_replace[];
extern const std::byte unwait_after_cut_replace[];
extern const std::byte unwait_after_last_replace[];
}

namespace unwait::ptrace::arch::amd64 {

namespace {

/// The constants that stand before a blob's table, in the order of blob_x86_64.S.
struct Constants {
    std::uint64_t resume, again, count, entry, call, adopted, unmark, rounds, early_rounds, rbx,
        rdi, rsi, rdx, rbp, rcx, r11, r12, r13, r14;
};

std::span<const std::byte> code_of(Operation operation) noexcept {
    if (operation == Operation::close) return {unwait_blob_close, unwait_blob_close_end};
    return {unwait_blob_replace, unwait_blob_replace_end};
}

/// From a label to where it stands in the code.
auto offsets_in(Operation operation) noexcept {
    return [begin = code_of(operation).data()](const std::byte* label) noexcept {
        return static_cast<std::uintptr_t>(label - begin);
    };
}

}  // namespace

std::size_t blob_size(Operation operation, std::size_t cuts) noexcept {
    return code_of(operation).size() + cuts * table_entry_size(operation);
}

std::size_t ranges_in(std::size_t size) noexcept {
    const std::size_t code = code_of(Operation::close).size();
    return size < code ? 0 : (size - code) / sizeof(Range);
}

std::size_t build_blob(const BlobTask& task, const Registers& registers, std::byte* into) noexcept {
    const auto code = code_of(task.operation);
    const auto& raw = registers.raw;
    const auto adopted = static_cast<std::uint64_t>(task.placeholder + 1);
    const auto unmark = static_cast<std::uint64_t>(-std::int64_t{task.mark});
    const std::size_t count = task.by_ranges ? count_ranges(task.cuts) : task.cuts.size();
    const std::size_t entry = task.by_ranges ? sizeof(Range) : table_entry_size(task.operation);
    const std::uint64_t call = task.by_ranges ? SYS_close_range : SYS_close;
    const Constants constants{raw.rip,
                              raw.rip - 2,
                              count,
                              entry,
                              call,
                              adopted,
                              unmark,
                              rounds_of(task),
                              early_rounds_of(task),
                              raw.rbx,
                              raw.rdi,
                              raw.rsi,
                              raw.rdx,
                              raw.rbp,
                              raw.rcx,
                              raw.r11,
                              raw.r12,
                              raw.r13,
                              raw.r14};
    std::memcpy(into, code.data(), code.size());
    std::memcpy(into + code.size() - sizeof constants, &constants, sizeof constants);
    into += code.size();
    if (task.by_ranges) {
        write_ranges(task.cuts, into);
    } else {
        for (const Cut* cut : task.cuts) {
            into =
                write_table_entry(task.operation, *cut, static_cast<std::uint32_t>(cut->fd), into);
        }
    }
    return code.size() + count * entry;
}

BlobCalls blob_calls(Operation operation) noexcept {
    const auto at = offsets_in(operation);
    if (operation == Operation::close) {
        return {.architecture = AUDIT_ARCH_X86_64,
                .over = at(unwait_over_close),
                .cut = {SYS_close, at(unwait_after_cut_close)}};
    }
    return {.architecture = AUDIT_ARCH_X86_64,
            .over = at(unwait_over_replace),
            .cut = {SYS_dup3, at(unwait_after_cut_replace)},
            .socket = {SYS_socket, at(unwait_after_socket_replace)},
            .shutdown = {SYS_shutdown, at(unwait_after_shutdown_replace)},
            .last = {SYS_close, at(unwait_after_last_replace)}};
}

std::optional<std::size_t> cuts_made(const BlobTask& task, const Registers& now) noexcept {
    const auto at = offsets_in(task.operation);
    const bool closes = task.operation == Operation::close;
    const TableWalk walk{
        .begin = at(closes ? unwait_begin_close : unwait_begin_replace),
        .made = at(closes ? unwait_after_cut_close : unwait_after_cut_replace),
        .next = at(closes ? unwait_next_close : unwait_next_replace),
        .leaving = at(closes ? unwait_leaving_close : unwait_leaving_replace),
        .table = code_of(task.operation).size(),
    };
    return arch::cuts_made(task, walk, now.raw.rip - task.address, now.raw.rbp);
}

}  // namespace unwait::ptrace::arch::amd64
