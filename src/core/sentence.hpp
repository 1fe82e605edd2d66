// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "unwait/plan.hpp"
#include "unwait/process.hpp"
#include "unwait/snapshot.hpp"

/// The recurring parts of the sentences that core writes. What a process chose itself is made
/// printable, so that a sentence may go to any terminal.
namespace unwait {

/// "1 byte", "2 bytes".
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view singular,
                                  std::string_view plural);
[[nodiscard]] std::string counted_bytes(std::uint64_t number);

/// "a", "a and b", "a, b and c".
[[nodiscard]] std::string enumerated(std::span<const std::string> words);

/// "shutdown,close", as --actions takes it.
[[nodiscard]] std::string ladder_text(std::span<const Action> actions);

/// "pid 12 (nginx)".
[[nodiscard]] std::string named(const Process& process);

/// "pid 12 (nginx) and pid 13 (nginx)".
[[nodiscard]] std::string named(std::span<const Holder> holders);

/// "fd 7", "fds 7 and 9"; without doubles.
[[nodiscard]] std::string fds_of(const Holder& holder);

/// "fd 7 of pid 12 (nginx)", one for each holder.
[[nodiscard]] std::string fds_of(std::span<const Holder> holders);

/// How many fd tables the holders have between them.
[[nodiscard]] std::size_t count_tables(std::span<const Holder> holders);

/// "is blocked in write on fd 7", "runs", "is stopped".
[[nodiscard]] std::string activity_of(const ThreadActivity& thread);

}  // namespace unwait
