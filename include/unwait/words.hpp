// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "unwait/outcome.hpp"

/// The words of the command line and of JSON for values; those of states are ss(8)'s.
namespace unwait {

[[nodiscard]] std::string_view word(TcpState state);
[[nodiscard]] std::string_view word(Family family);
[[nodiscard]] std::string_view word(Action action);
[[nodiscard]] std::string_view word(Freeze freeze);
[[nodiscard]] std::string_view word(Cause cause);
[[nodiscard]] std::string_view word(Verdict verdict);
[[nodiscard]] std::string_view word(Result result);
[[nodiscard]] std::string_view word(Runtime runtime);
[[nodiscard]] std::string_view word(Subject subject);

}  // namespace unwait
