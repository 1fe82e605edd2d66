// SPDX-License-Identifier: MIT
#include <fcntl.h>
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
extern const std::byte unwait_after_socket_replace[];
extern const std::byte unwait_after_shutdown_replace[];
extern const std::byte unwait_after_cut_replace[];
extern const std::byte unwait_after_last_replace[];
}

namespace unwait::ptrace::arch::amd64 {

namespace {

/// The constants that stand before a blob's table, in the order of blob_x86_64.S.
struct Constants {
    std::uint64_t resume, again, count, adopted, rbx, rdi, rsi, rdx, rbp, rcx, r11, r12, r13, r14;
};

struct TableEntry {
    std::uint32_t fd;
    std::uint32_t dup3_flags;
};

std::span<const std::byte> code_of(Operation operation) noexcept {
    if (operation == Operation::close) return {unwait_blob_close, unwait_blob_close_end};
    return {unwait_blob_replace, unwait_blob_replace_end};
}

}  // namespace

std::size_t blob_size(Operation operation, std::size_t cuts) noexcept {
    return code_of(operation).size() + cuts * sizeof(TableEntry);
}

std::size_t build_blob(const BlobTask& task, const Registers& registers, std::byte* into) noexcept {
    const auto code = code_of(task.operation);
    const auto& raw = registers.raw;
    const auto adopted = static_cast<std::uint64_t>(task.placeholder + 1);
    const Constants constants{raw.rip, raw.rip - 2, task.cuts.size(), adopted, raw.rbx,
                              raw.rdi, raw.rsi,     raw.rdx,          raw.rbp, raw.rcx,
                              raw.r11, raw.r12,     raw.r13,          raw.r14};
    std::memcpy(into, code.data(), code.size());
    std::memcpy(into + code.size() - sizeof constants, &constants, sizeof constants);
    into += code.size();
    for (const Cut* cut : task.cuts) {
        const TableEntry entry{static_cast<std::uint32_t>(cut->fd),
                               cut->close_on_exec ? std::uint32_t{O_CLOEXEC} : 0U};
        std::memcpy(into, &entry, sizeof entry);
        into += sizeof entry;
    }
    return blob_size(task.operation, task.cuts.size());
}

BlobCalls blob_calls(Operation operation) noexcept {
    const auto ends = [operation](std::uint32_t number, const std::byte* end) {
        return BlobCalls::Call{number,
                               static_cast<std::uintptr_t>(end - code_of(operation).data())};
    };
    if (operation == Operation::close) {
        const auto cut = ends(SYS_close, unwait_after_cut_close);
        return {.architecture = AUDIT_ARCH_X86_64, .cut = cut, .last = cut};
    }
    return {.architecture = AUDIT_ARCH_X86_64,
            .cut = ends(SYS_dup3, unwait_after_cut_replace),
            .socket = ends(SYS_socket, unwait_after_socket_replace),
            .shutdown = ends(SYS_shutdown, unwait_after_shutdown_replace),
            .last = ends(SYS_close, unwait_after_last_replace)};
}

}  // namespace unwait::ptrace::arch::amd64
