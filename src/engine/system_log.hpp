// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <utility>

namespace unwait {

/// A field of a journal entry: a name of capital letters, and a value of any bytes.
using LogField = std::pair<std::string, std::string>;

/// Tells the journal (systemd-journald.service(8), by its native protocol), or where there is none
/// syslog(3). `message` is for people; the fields reach the journal only. Whoever does not listen
/// is not waited for.
void log_to_system(const std::string& message, std::span<const LogField> fields);

/// Whether a journal listens.
[[nodiscard]] bool has_journal() noexcept;

}  // namespace unwait
