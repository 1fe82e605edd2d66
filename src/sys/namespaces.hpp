// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace unwait::sys {

enum class NamespaceKind : std::uint8_t { user, pid };

/// Whether we are in the machine's first namespace of that kind, which no container is in.
[[nodiscard]] bool in_first_namespace(NamespaceKind kind) noexcept;

}  // namespace unwait::sys
