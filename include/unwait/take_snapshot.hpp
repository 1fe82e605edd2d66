// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "unwait/finding.hpp"
#include "unwait/plan.hpp"
#include "unwait/selector.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// Asks the kernel for the sockets that may match, their holders, and what could not be read.
/// `with_use`: also how the application uses each fd (for a plan). Waits up to a second between two
/// looks when the Send-Q of one that matches is above 0. Throws Error when sock_diag or /proc
/// cannot be asked at all.
[[nodiscard]] Snapshot take_snapshot(const Selector& selector, bool with_use);

/// The same of sockets that were found earlier, as they are now, wherever they are. Each is asked
/// for by its cookie: what is missing from the snapshot has ended, but for what is in a network
/// namespace that Snapshot::networks does not have.
[[nodiscard]] Snapshot take_snapshot(std::span<const Socket* const> sockets, bool with_use);

/// Who we are: our pid, our ancestors, and which of the sockets carry this session: those of
/// an ancestor that is an sshd, that of SSH_CONNECTION, and those on our standard streams.
[[nodiscard]] Self read_self(std::span<const Finding> findings);

}  // namespace unwait
