// SPDX-License-Identifier: MIT
#pragma once

#include <random>
#include <string>
#include <string_view>

#include "unwait/plan.hpp"
#include "unwait/snapshot.hpp"

/// Plain values for tests of what decides.
namespace unwait::samples {

/// Throws std::bad_optional_access when the text is no such thing.
[[nodiscard]] Endpoint endpoint(std::string_view address, std::uint16_t port);

/// 10.0.0.1:80 with 10.0.0.9:5000 in CLOSE-WAIT for an hour, inode 100, cookie 1100, all read.
[[nodiscard]] Socket stuck_socket();

/// nginx, uid 33, in nginx.service, holding one fd.
[[nodiscard]] Holder nginx(pid_t pid = 4711, int fd = 7);

/// A copy of the holder's process that it alone has from now on, to be changed.
[[nodiscard]] Process& altered(Holder& holder);

/// The stuck socket, held by nginx.
[[nodiscard]] HeldSocket stuck();

/// A finding as diagnose() makes it with a minimum of one minute; the process-unreadable blind
/// spots are optional.
[[nodiscard]] Finding diagnosed(const HeldSocket& held, std::size_t unreadable = 0);

/// Any snapshot: all states, holders of all kinds, blind spots, listeners.
[[nodiscard]] Snapshot any_snapshot(std::mt19937& random);

/// Any policy whose limits may be exceeded.
[[nodiscard]] Policy any_policy(std::mt19937& random);

/// Who asks for any_snapshot(): its own pid, ancestors and connection may be in there.
[[nodiscard]] Self self();

[[nodiscard]] bool has_evidence(const Finding& finding, std::string_view code);
/// The sentence of that evidence, empty when there is none.
[[nodiscard]] std::string evidence_text(const Finding& finding, std::string_view code);

}  // namespace unwait::samples
