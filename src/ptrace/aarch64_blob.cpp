// SPDX-License-Identifier: MIT
#include <linux/audit.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "aarch64.hpp"
#include "blob_table.hpp"
#include "call_mask.hpp"

extern "C" {
// The labels of blob_aarch64.S, for each operation.
#define UNWAIT_LABELS(name)                               \
    extern const std::byte unwait_blob_##name[];          \
    extern const std::byte unwait_blob_##name##_end[];    \
    extern const std::byte unwait_after_cut_##name[];     \
    extern const std::byte unwait_over_##name[];          \
    extern const std::byte unwait_saved_##name[];         \
    extern const std::byte unwait_begin_##name[];         \
    extern const std::byte unwait_next_##name[];          \
    extern const std::byte unwait_leaving_##name[];       \
    extern const std::byte unwait_leaving_again_##name[]; \
    extern const std::byte unwait_leaving_plain_##name[]; \
    extern const std::byte unwait_far_again_##name[];     \
    extern const std::byte unwait_far_plain_##name[];
UNWAIT_LABELS(close)
UNWAIT_LABELS(replace)
#undef UNWAIT_LABELS
extern const std::byte unwait_after_socket_replace[];
extern const std::byte unwait_after_shutdown_replace[];
extern const std::byte unwait_after_last_replace[];
}

namespace unwait::ptrace::arch {

namespace {

/// The constants that stand before a blob's table, in the order of blob_aarch64.S.
struct Constants {
    std::uint64_t resume, again, count, adopted, mark, rounds, early_rounds, x1, x2, x9, x10, x11,
        x12, x13, x14;
};

constexpr std::uint64_t instruction = 4;
constexpr std::uint64_t reach = std::uint64_t{127} << 20;  // of 128 MiB, with room for the blob
constexpr std::uint32_t branch = 0x14000000;

/// Offsets in a blob.
struct Layout {
    std::span<const std::byte> code;
    std::uintptr_t after_cut, over, saved, begin, next, leaving, leaving_again, leaving_plain,
        far_again, far_plain;
};

Layout layout_of(Operation operation) noexcept {
    const auto measured = [](const std::byte* begin, const std::byte* end, auto... labels) {
        return Layout{{begin, end}, static_cast<std::uintptr_t>(labels - begin)...};
    };
    if (operation == Operation::close) {
        return measured(unwait_blob_close, unwait_blob_close_end, unwait_after_cut_close,
                        unwait_over_close, unwait_saved_close, unwait_begin_close,
                        unwait_next_close, unwait_leaving_close, unwait_leaving_again_close,
                        unwait_leaving_plain_close, unwait_far_again_close, unwait_far_plain_close);
    }
    return measured(unwait_blob_replace, unwait_blob_replace_end, unwait_after_cut_replace,
                    unwait_over_replace, unwait_saved_replace, unwait_begin_replace,
                    unwait_next_replace, unwait_leaving_replace, unwait_leaving_again_replace,
                    unwait_leaving_plain_replace, unwait_far_again_replace,
                    unwait_far_plain_replace);
}

void write_branch(std::byte* into, std::uintptr_t from, std::uintptr_t to) noexcept {
    const auto distance = static_cast<std::uint32_t>((to - from) / instruction) & 0x03ffffff;
    const std::uint32_t word = branch | distance;
    std::memcpy(into, &word, sizeof word);
}

/// What the rest of the blob would make of a thread's registers.
struct Rest {
    bool again;
    std::uint64_t x0, x8;
};

Rest rest_of(const Layout& layout, std::uintptr_t at, const user_regs_struct& now) noexcept {
    const bool is_saved = at >= layout.saved && at < layout.leaving;
    const std::uint64_t x0 =
        is_saved || at == layout.saved - instruction ? now.regs[10] : now.regs[0];
    const std::uint64_t x8 = is_saved ? now.regs[11] : now.regs[8];
    if (at >= layout.leaving_again) return {at < layout.leaving_plain, x0, x8};
    const std::uintptr_t joined = layout.saved - 2 * instruction;
    if (at >= joined) return {now.regs[9] != 0, x0, x8};
    return {at == 0 || at == joined - instruction, x0, x8};
}

}  // namespace

bool is_near(std::uintptr_t address, std::uintptr_t target) noexcept {
    return target - address + reach < 2 * reach;
}

void relax() noexcept {
    for (int i = 0; i < 200; ++i) asm volatile("yield");
}

bool blob_needs_nobody(const Registers&) noexcept { return false; }

const bool any_thread_carries = false;

std::size_t ranges_in(std::size_t, bool) noexcept { return 0; }

std::size_t blob_size(Operation operation, std::size_t cuts, bool) noexcept {
    return layout_of(operation).code.size() + cuts * table_entry_size(operation);
}

std::size_t build_blob(const BlobTask& task, const Registers& registers, std::byte* into) noexcept {
    const auto layout = layout_of(task.operation);
    const auto& x = registers.raw.regs;
    const std::uint64_t resume = registers.raw.pc;
    const std::uint64_t again = resume - instruction;
    const Constants constants{resume,
                              again,
                              task.cuts.size(),
                              static_cast<std::uint64_t>(task.placeholder + 1),
                              static_cast<std::uint64_t>(task.mark),
                              rounds_of(task),
                              early_rounds_of(task),
                              x[1],
                              x[2],
                              x[9],
                              x[10],
                              x[11],
                              x[12],
                              x[13],
                              x[14]};
    std::memcpy(into, layout.code.data(), layout.code.size());
    std::memcpy(into + layout.code.size() - sizeof constants, &constants, sizeof constants);
    if (is_near(task.address, resume)) {
        write_branch(into + layout.far_again, task.address + layout.far_again, again);
        write_branch(into + layout.far_plain, task.address + layout.far_plain, resume);
    }
    into += layout.code.size();
    for (const Cut* cut : task.cuts) {
        into = write_table_entry(task.operation, *cut, static_cast<std::uint32_t>(cut->fd), into);
    }
    return blob_size(task.operation, task.cuts.size(), false);
}

Registers leave_blob(const BlobTask& task, const Registers& now, const Registers& stopped,
                     pid_t tid, int signal) noexcept {
    // What a stopped thread was in cannot be given back to the kernel here; where the blob would
    // have gone on can be.
    const auto rest = rest_of(layout_of(task.operation), now.raw.pc - task.address, now.raw);
    Registers left = stopped;
    left.raw.regs[0] = rest.x0;
    left.raw.regs[8] = rest.x8;
    // At the exit of a call a tracer sees something else there; no blob touches it.
    left.raw.regs[7] = now.raw.regs[7];
    if (!rest.again) return left;
    const std::uint64_t code = -stopped.raw.regs[0];
    const auto& x = left.raw.regs;
    // The stop has taken away the call's own mask, and a signal may come that the call keeps off.
    const StoppedCall call{static_cast<long>(x[8]), {x[0], x[1], x[2], x[3], x[4], x[5]}, 8};
    if (signal != 0 && (code == erestartnohand || code == erestart_restartblock) &&
        is_caught(tid, signal) && !keeps_off(tid, call, masked_calls, signal)) {
        left.raw.regs[0] = static_cast<std::uint64_t>(-EINTR);
        return left;
    }
    left.raw.pc -= instruction;
    return left;
}

int placeholder_in(const BlobTask& task, const Registers& now) noexcept {
    const auto calls = blob_calls(task.operation, now);
    const auto at = now.raw.pc - task.address;
    if (at >= calls.over) return -1;
    if (task.placeholder >= 0) return task.placeholder;
    if (at < calls.socket.end) return -1;
    // An error number of socket(2) is below 0 too.
    return static_cast<int>(now.raw.regs[at == calls.socket.end ? 0 : 12]);
}

std::optional<std::size_t> cuts_made(const BlobTask& task, const Registers& now) noexcept {
    const auto layout = layout_of(task.operation);
    const TableWalk walk{.begin = layout.begin,
                         .made = layout.after_cut,
                         .next = layout.next,
                         .leaving = layout.leaving,
                         .table = layout.code.size()};
    return cuts_made(task, walk, now.raw.pc - task.address, now.raw.regs[13]);
}

BlobCalls blob_calls(Operation operation, const Registers&) noexcept {
    const auto layout = layout_of(operation);
    const auto at = [&layout](const std::byte* label) {
        return static_cast<std::uintptr_t>(label - layout.code.data());
    };
    if (operation == Operation::close) {
        return {.architecture = AUDIT_ARCH_AARCH64,
                .over = layout.over,
                .cut = {SYS_close, layout.after_cut}};
    }
    return {.architecture = AUDIT_ARCH_AARCH64,
            .over = layout.over,
            .cut = {SYS_dup3, layout.after_cut},
            .socket = {SYS_socket, at(unwait_after_socket_replace)},
            .shutdown = {SYS_shutdown, at(unwait_after_shutdown_replace)},
            .last = {SYS_close, at(unwait_after_last_replace)}};
}

}  // namespace unwait::ptrace::arch
