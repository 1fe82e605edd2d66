// SPDX-License-Identifier: MIT
#include <sys/ptrace.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "aarch64.hpp"

namespace unwait::ptrace::arch {

namespace {

// linux/elf.h, which Debian 12's headers have only in part, and asm/ptrace.h.
constexpr long nt_arm_sve = 0x405;
constexpr long nt_arm_streaming_sve = 0x40b;
constexpr std::uint16_t has_sve_registers = 1;

struct VectorHeader {
    std::uint32_t size, max_size;
    std::uint16_t vector_bytes, max_vector_bytes, flags, reserved;
};

struct VectorState {
    static constexpr std::size_t vectors = 32;
    static constexpr std::size_t predicates = 17;  // with FFR: a bit for each byte of a vector
    static constexpr std::size_t most_bytes = 256;

    VectorHeader header;
    std::array<std::uint8_t, vectors * most_bytes + predicates * most_bytes / 8> bytes;
};

/// Whether it is in the streaming mode of SME, which a system call ends.
bool is_streaming(pid_t tid) noexcept {
    VectorHeader header{};
    iovec area{&header, sizeof header};
    return ::ptrace(PTRACE_GETREGSET, tid, nt_arm_streaming_sve, &area) == 0 &&
           header.size > sizeof header;
}

}  // namespace

bool uses_wide_vectors(pid_t tid) noexcept {
    constexpr std::size_t kept = 16;  // of each vector
    VectorState state{};
    iovec area{&state, sizeof state};
    if (::ptrace(PTRACE_GETREGSET, tid, nt_arm_sve, &area) != 0) return false;
    if ((state.header.flags & has_sve_registers) == 0) return is_streaming(tid);
    const std::size_t size = state.header.vector_bytes;
    if (size > VectorState::most_bytes) return true;
    const auto is_set = [](std::uint8_t byte) { return byte != 0; };
    const std::uint8_t* at = state.bytes.data();
    for (std::size_t i = 0; i < VectorState::vectors; ++i, at += size) {
        if (std::any_of(at + kept, at + size, is_set)) return true;
    }
    return std::any_of(at, at + VectorState::predicates * size / 8, is_set);
}

}  // namespace unwait::ptrace::arch
