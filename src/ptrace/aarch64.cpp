// SPDX-License-Identifier: MIT
// The registers of a thread.
#include "aarch64.hpp"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include <cerrno>

namespace unwait::ptrace::arch {

namespace {

constexpr std::uint64_t branch_type = 0xc00;  // PSTATE.BTYPE

}  // namespace

Surroundings instructions_around(pid_t tid, std::uint64_t pc) noexcept {
    errno = 0;
    const auto pair =
        static_cast<std::uint64_t>(::ptrace(PTRACE_PEEKTEXT, tid, pc - sizeof svc, nullptr));
    if (errno != 0) return {};
    return {static_cast<std::uint32_t>(pair), static_cast<std::uint32_t>(pair >> 32)};
}

bool read_registers(pid_t tid, Registers& into) noexcept {
    iovec area{&into.raw, sizeof into.raw};
    if (::ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &area) != 0) return false;
    into.is_foreign = area.iov_len != sizeof into.raw;  // 32-bit code has fewer
    const auto instructions =
        into.is_foreign ? Surroundings{} : instructions_around(tid, into.raw.pc);
    into.is_cured = false;
    into.beside_call = instructions.before == svc || instructions.at == svc;
    return true;
}

void set_sampled(Registers& registers, const SampledCall& call) noexcept {
    registers.raw.sp = call.stack_pointer;
    registers.raw.pc = call.instruction_pointer;
}

std::optional<std::uintptr_t> dwarf_register(const Registers& registers, int number,
                                             bool is_partial) noexcept {
    constexpr int stack = 31;
    constexpr int instruction = 32;
    if (registers.is_foreign) return std::nullopt;
    if (number == stack) return registers.raw.sp;
    if (number == instruction) return registers.raw.pc;
    if (is_partial || number < 0 || number > instruction) return std::nullopt;
    return registers.raw.regs[number];
}

std::optional<FrameRecords> frame_records(const Registers& registers) noexcept {
    if (registers.is_foreign) return std::nullopt;
    return FrameRecords{registers.raw.regs[29], registers.raw.regs[30]};
}

std::uintptr_t without_signature(std::uintptr_t address) noexcept {
    // Bit 55 tells the kernel's addresses from others, and is never part of it. Programs that do
    // not ask for more have 48 bits of addresses.
    constexpr std::uintptr_t kernel_bit = std::uintptr_t{1} << 55;
    constexpr std::uintptr_t used_bits = (std::uintptr_t{1} << 48) - 1;
    return (address & kernel_bit) != 0 ? address : address & used_bits;
}

bool write_registers(pid_t tid, const Registers& from) noexcept {
    // The kernel takes a copy first: all of it happens or nothing.
    auto copy = from.raw;
    iovec area{&copy, sizeof copy};
    return ::ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &area) == 0;
}

const std::uintptr_t blob_entry = 4;

bool set_instruction_pointer(pid_t tid, const Registers& registers,
                             std::uintptr_t address) noexcept {
    auto moved = registers;
    moved.raw.pc = address;
    // The thread may have been about to arrive where only a landing pad may stand.
    moved.raw.pstate &= ~branch_type;
    return write_registers(tid, moved);
}

std::uintptr_t instruction_pointer(const Registers& registers) noexcept { return registers.raw.pc; }

std::uintptr_t stack_pointer(const Registers& registers) noexcept { return registers.raw.sp; }

void move_instruction_pointer(Registers& registers, std::uintptr_t address) noexcept {
    registers.raw.pc = address;
}

bool in_system_call(const Registers& registers) noexcept { return registers.beside_call; }

bool can_carry_blob(const Registers& registers, std::uintptr_t, bool) noexcept {
    return !registers.is_foreign;
}

}  // namespace unwait::ptrace::arch
