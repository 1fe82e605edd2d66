// SPDX-License-Identifier: MIT
#include <linux/audit.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "x86_blobs.hpp"

extern "C" {
extern const std::byte unwait_blob_i386_close[];
extern const std::byte unwait_blob_i386_close_end[];
extern const std::uint32_t unwait_patches_i386_close[];
extern const std::byte unwait_blob_i386_replace[];
extern const std::byte unwait_blob_i386_replace_end[];
extern const std::uint32_t unwait_patches_i386_replace[];
// Behind the system call instructions.
extern const std::byte unwait_after_cut_i386_close[];
extern const std::byte unwait_begin_i386_close[];
extern const std::byte unwait_begin_i386_replace[];
extern const std::byte unwait_proven_i386[];
extern const std::byte unwait_next_i386_close[];
extern const std::byte unwait_next_i386_replace[];
extern const std::byte unwait_over_i386_close[];
extern const std::byte unwait_over_i386_replace[];
extern const std::byte unwait_leaving_i386_close[];
extern const std::byte unwait_leaving_i386_replace[];
extern const std::byte unwait_after_socket_i386[];
extern const std::byte unwait_after_shutdown_i386[];
extern const std::byte unwait_after_cut_i386_replace[];
extern const std::byte unwait_after_last_i386[];
}

namespace unwait::ptrace::arch::i386 {

namespace {

/// What is written into the instructions, in the order of `patches` in blob_i386.S.
struct Values {
    std::uint32_t table, unmark, unmark_again, ebx, edx, esi, edi, ebp, ecx_again, ecx, again,
        resume, rounds, early_rounds, adopted;
};
constexpr std::size_t value_count = sizeof(Values) / sizeof(std::uint32_t);
constexpr std::size_t place_of_again = offsetof(Values, again) / sizeof(std::uint32_t);
constexpr std::size_t place_of_resume = offsetof(Values, resume) / sizeof(std::uint32_t);

// asm/unistd_32.h, which cannot be included beside the native numbers.
constexpr std::uint32_t call_close = 6;
constexpr std::uint32_t call_dup3 = 330;
constexpr std::uint32_t call_socket = 359;
constexpr std::uint32_t call_shutdown = 373;

constexpr std::array always_disturbed_calls = std::to_array<long>({
    177,  // rt_sigtimedwait
    247,  // io_getevents
    256,  // epoll_wait
    319,  // epoll_pwait
    385,  // io_pgetevents
    416,  // io_pgetevents_time64
    420,  // semtimedop_time64
    421,  // rt_sigtimedwait_time64
    426,  // io_uring_enter
    441,  // epoll_pwait2
});

constexpr std::array sometimes_disturbed_calls = std::to_array<long>({
    3,    // read
    4,    // write
    102,  // socketcall: connect, accept, send, recv and others
    117,  // ipc: semop, semtimedop and others
    145,  // readv
    146,  // writev
    313,  // splice
    337,  // recvmmsg
    345,  // sendmmsg
    362,  // connect
    364,  // accept4
    369,  // sendto
    370,  // sendmsg
    371,  // recvfrom
    372,  // recvmsg
    378,  // preadv2
    379,  // pwritev2
    417,  // recvmmsg_time64
});

struct Code {
    std::span<const std::byte> bytes;
    std::span<const std::uint32_t> patches;
};

Code code_of(Operation operation) noexcept {
    if (operation == Operation::close) {
        return {{unwait_blob_i386_close, unwait_blob_i386_close_end},
                {unwait_patches_i386_close, value_count - 1}};  // nothing to adopt
    }
    return {{unwait_blob_i386_replace, unwait_blob_i386_replace_end},
            {unwait_patches_i386_replace, value_count}};
}

/// From a label to where it stands in the code.
auto offsets_in(Operation operation) noexcept {
    return [begin = code_of(operation).bytes.data()](const std::byte* label) noexcept {
        return static_cast<std::uintptr_t>(label - begin);
    };
}

TableWalk walk_of(Operation operation) noexcept {
    const auto at = offsets_in(operation);
    const bool closes = operation == Operation::close;
    return {
        .begin = at(closes ? unwait_begin_i386_close : unwait_begin_i386_replace),
        .made = at(closes ? unwait_after_cut_i386_close : unwait_after_cut_i386_replace),
        .next = at(closes ? unwait_next_i386_close : unwait_next_i386_replace),
        .leaving = at(closes ? unwait_leaving_i386_close : unwait_leaving_i386_replace),
        .table = code_of(operation).bytes.size(),
    };
}

std::uint32_t low(std::uint64_t value) noexcept { return static_cast<std::uint32_t>(value); }

}  // namespace

bool may_be_disturbed(long system_call) noexcept {
    return is_always_disturbed(system_call) ||
           std::ranges::binary_search(sometimes_disturbed_calls, system_call);
}

bool is_always_disturbed(long system_call) noexcept {
    return std::ranges::binary_search(always_disturbed_calls, system_call);
}

std::size_t blob_size(Operation operation, std::size_t cuts) noexcept {
    return code_of(operation).bytes.size() + (cuts + 1) * table_entry_size(operation);
}

std::size_t build_blob(const BlobTask& task, const Registers& registers, std::byte* into) noexcept {
    const auto [code, patches] = code_of(task.operation);
    const auto& raw = registers.raw;
    const std::uint32_t base = low(task.address);
    // A relative jump counts from its end, where its patch ends as well.
    const std::uint32_t again = low(raw.rip) - 2 - (base + patches[place_of_again]);
    const std::uint32_t resume = low(raw.rip) - (base + patches[place_of_resume]);
    const std::uint32_t unmark = 0 - static_cast<std::uint32_t>(task.mark);
    const Values values{base + low(code.size()),
                        unmark,
                        unmark,
                        low(raw.rbx),
                        low(raw.rdx),
                        low(raw.rsi),
                        low(raw.rdi),
                        low(raw.rbp),
                        low(raw.rcx),
                        low(raw.rcx),
                        again,
                        resume,
                        low(rounds_of(task)),
                        low(early_rounds_of(task)),
                        static_cast<std::uint32_t>(task.placeholder + 1)};
    std::array<std::uint32_t, value_count> words{};
    std::memcpy(words.data(), &values, sizeof values);
    std::memcpy(into, code.data(), code.size());
    for (std::size_t i = 0; i < patches.size(); ++i) {
        std::memcpy(into + patches[i] - sizeof words[i], &words[i], sizeof words[i]);
    }
    into += code.size();
    for (const Cut* cut : task.cuts) {
        const auto fd_plus_one = static_cast<std::uint32_t>(cut->fd) + 1;
        into = write_table_entry(task.operation, *cut, fd_plus_one, into);
    }
    std::memset(into, 0, table_entry_size(task.operation));
    return blob_size(task.operation, task.cuts.size());
}

BlobCalls blob_calls(Operation operation) noexcept {
    const auto at = offsets_in(operation);
    if (operation == Operation::close) {
        return {.architecture = AUDIT_ARCH_I386,
                .over = at(unwait_over_i386_close),
                .cut = {call_close, at(unwait_after_cut_i386_close)}};
    }
    return {.architecture = AUDIT_ARCH_I386,
            .over = at(unwait_over_i386_replace),
            .cut = {call_dup3, at(unwait_after_cut_i386_replace)},
            .socket = {call_socket, at(unwait_after_socket_i386)},
            .shutdown = {call_shutdown, at(unwait_after_shutdown_i386)},
            .last = {call_close, at(unwait_after_last_i386)}};
}

std::optional<std::size_t> cuts_made(const BlobTask& task, const Registers& now) noexcept {
    return arch::cuts_made(task, walk_of(task.operation), now.raw.rip - task.address,
                           low(now.raw.rbp));
}

std::uint64_t placeholder_at(std::uintptr_t at, const Registers& now) noexcept {
    const auto proven = offsets_in(Operation::replace)(unwait_proven_i386);
    return at >= walk_of(Operation::replace).begin && at < proven ? now.raw.rdx : now.raw.rbx;
}

}  // namespace unwait::ptrace::arch::i386
