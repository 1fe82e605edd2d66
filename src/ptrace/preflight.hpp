// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "unwait/process.hpp"

namespace unwait::ptrace {

/// What stands against operate() on this process, as far as can be told without touching it: no
/// permission, no [vdso] with room, no thread that could make the call, or none whose seccomp
/// filters we may read. What these say is known only to operate().
[[nodiscard]] std::optional<std::string> obstacle(const ProcessId& id, pid_t table);

}  // namespace unwait::ptrace
