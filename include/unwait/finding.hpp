// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string_view>
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
    shared_after_fork,  ///< several fd tables hold it: it closes with the last
    private_fd_table,   ///< only a thread with an fd table of its own holds it
    zombie_leader,      ///< only threads of a process whose first thread has ended hold it
    other_netns,        ///< its holders are in another network namespace and do not see it there
    dead,               ///< its connection is over, and only the fd is left
    in_backlog,         ///< never accepted
    in_flight,          ///< its last fd is on its way inside a unix socket
    in_io_uring,        ///< its last fd was closed, an io_uring has it registered
    pinned_by_thread,   ///< its last fd was closed while a thread was blocked in a call on it
    kernel_socket,      ///< nothing but the kernel itself keeps it
    holder_unreadable,  ///< someone may hold it who may not be read
    unknown,            ///< the state does not tell
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
    std::string_view code;  ///< one of the few words there are, valid for ever
    SharedText text;

    bool operator==(const Evidence&) const = default;
};

struct Explanation;

/// A selected socket, diagnosed.
struct Finding {
    Socket socket;
    Holders holders;
    Cause cause = Cause::unknown;
    Verdict verdict = Verdict::stuck;
    std::vector<Evidence> evidence;
    std::shared_ptr<const Explanation> explanation = {};  ///< only where it was asked for

    bool operator==(const Finding&) const = default;
};

}  // namespace unwait
