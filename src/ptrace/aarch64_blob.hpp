// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace unwait::ptrace::arch {

/// Whether a branch instruction in a blob at `address` reaches `target`.
[[nodiscard]] bool is_near(std::uintptr_t address, std::uintptr_t target) noexcept;

}  // namespace unwait::ptrace::arch
