// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

namespace unwait {

/// What a run may have to do that the kernel asks a capability for (capabilities(7)).
enum class Duty : std::uint8_t {
    read,     ///< files that others keep for themselves
    look,     ///< into processes and network namespaces
    ask_net,  ///< marks of sockets and the namespaces of dead ones; reset connections
    operate,  ///< write into the memory of processes of others, or say whether one could
    hold,     ///< stop a thread for no longer than it takes: at a priority above all others
    signal,   ///< end processes of others
    write,    ///< files in directories of others
};

/// Gives up, for good, the capabilities that none of the duties needs, and ever to gain any by
/// execve(2). Threads and processes that are made afterwards have as few. Where a sandbox forbids
/// even that, everything stays as it is. Throws Error.
void keep_privileges_for(std::span<const Duty> duties);

}  // namespace unwait
