// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

namespace unwait::sys {

/// kernel.yama.ptrace_scope: who may trace whom (Documentation/admin-guide/LSM/Yama.rst); absent
/// where the kernel runs without Yama.
[[nodiscard]] std::optional<int> yama_scope();

/// The scope in which nobody may trace anybody, and which stays until the next boot.
inline constexpr int yama_nobody = 3;

}  // namespace unwait::sys
