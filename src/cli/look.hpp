// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "terminal.hpp"
#include "unwait/outcome.hpp"
#include "unwait/selector.hpp"

namespace unwait::cli {

/// What the machine shows of the selected sockets, diagnosed: the beginning of every report. Says
/// on `talk` what could not be looked at. Throws Error when the kernel cannot be asked, or when a
/// process that was named by its pid does not exist. The report stays until the process ends, which
/// is done in less time than freeing a hundred thousand findings one by one.
[[nodiscard]] Report& look(std::string command, const Selector& selector,
                           std::chrono::milliseconds min_idle, bool with_use, const Talk& talk);

/// The same of sockets that were found earlier, with how the application uses them.
[[nodiscard]] Report& look_at(std::string command, std::span<const Socket* const> sockets,
                              std::chrono::milliseconds min_idle, const Talk& talk);

}  // namespace unwait::cli
