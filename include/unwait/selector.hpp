// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "unwait/filter.hpp"
#include "unwait/tcp.hpp"

namespace unwait {

/// A regular expression (ECMAScript, searched anywhere) with its source text.
struct Pattern {
    std::string text;
    std::regex regex;
};

/// What one flag asks for, its words separated by commas: any of them will do.
template <typename T>
using AnyOf = std::vector<T>;

/// Which sockets. Each member holds one AnyOf for every time its flag was given, and all of them
/// must be met, as must all members; an empty member matches anything.
struct Selector {
    StateMask states = mask_of(TcpState::close_wait);
    std::vector<AnyOf<pid_t>> pids;
    std::vector<AnyOf<int>> fds;
    std::vector<Pattern> processes;           ///< on the command name; commas belong to the regex
    std::vector<AnyOf<std::string>> users;    ///< names or uids, of the holder
    std::vector<AnyOf<std::string>> units;    ///< full name, or without ".service"
    std::vector<AnyOf<std::string>> cgroups;  ///< path of the holder's cgroup or of one above it
    std::vector<AnyOf<EndpointPattern>> locals;
    std::vector<AnyOf<EndpointPattern>> peers;
    std::vector<AnyOf<PortRange>> ports;  ///< local
    std::vector<AnyOf<PortRange>> peer_ports;
    std::vector<AnyOf<std::uint64_t>> inodes;
    /// Network namespaces: "self", "all", a pid, a name below /run/netns, a path, or "net:[INODE]".
    /// Empty: ours.
    AnyOf<std::string> networks;
    std::vector<Filter> filters;  ///< their states are in `states` already
    std::chrono::milliseconds min_idle{0};
    std::optional<bool> owned;  ///< true: only with a holder; false: only without
};

}  // namespace unwait
