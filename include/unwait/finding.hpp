// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "unwait/process.hpp"
#include "unwait/shared_text.hpp"
#include "unwait/snapshot.hpp"
#include "unwait/tcp.hpp"

namespace unwait {

/// Why a socket is where it is.
enum class Cause : std::uint8_t {
    leaked,             ///< everything was read, nobody closes it
    not_reading,        ///< its holder has stopped reading: the FIN, or data too, is unread
    still_sending,      ///< a half-close in use
    shared_after_fork,  ///< more than one process holds it: it closes with the last
    in_backlog,         ///< never accepted
    holder_unreadable,  ///< someone holds it who may not be read
    unknown,            ///< no holder was found, or the state does not tell
};

/// Whether a socket may be cleared, and if not, why: `stuck`, or the reason codes of the contract.
enum class Verdict : std::uint8_t {
    stuck,
    too_young,
    still_sending,
    in_backlog,
    no_holder,
    holder_unreadable,
    in_use,
    is_protected,
    denied_by_policy,
};

/// One observed fact, with a code for programs and a sentence for people.
struct Evidence {
    std::string code;
    SharedText text;

    bool operator==(const Evidence&) const = default;
};

/// A selected socket, diagnosed.
struct Finding {
    Socket socket;
    std::vector<Holder> holders;
    Cause cause = Cause::unknown;
    Verdict verdict = Verdict::stuck;
    std::vector<Evidence> evidence;

    bool operator==(const Finding&) const = default;
};

}  // namespace unwait
