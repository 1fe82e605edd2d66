// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "unwait/tcp.hpp"

namespace unwait {

/// ADDR[/LEN][:PORT]; a part that is absent matches anything. An IPv4 pattern also matches the
/// v4-mapped IPv6 form of the address.
struct EndpointPattern {
    std::optional<Address> address;
    unsigned prefix_length = 0;  ///< bits of `address` that must agree
    std::optional<std::uint16_t> port;

    bool operator==(const EndpointPattern&) const = default;
};

/// N or N-M, both ends included.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 65535;

    bool operator==(const PortRange&) const = default;
};

/// A regular expression (ECMAScript, searched anywhere) with its source text.
struct Pattern {
    std::string text;
    std::regex regex;
};

/// Which sockets: within one member "or", between members "and"; an empty member matches anything.
struct Selector {
    StateMask states = mask_of(TcpState::close_wait);
    std::vector<pid_t> pids;
    std::vector<int> fds;
    std::vector<Pattern> processes;    ///< on the command name
    std::vector<std::string> users;    ///< names or uids, of the holder
    std::vector<std::string> units;    ///< full name, or without ".service"
    std::vector<std::string> cgroups;  ///< path of the holder's cgroup or of one above it
    std::vector<EndpointPattern> locals;
    std::vector<EndpointPattern> peers;
    std::vector<PortRange> ports;  ///< local
    std::vector<PortRange> peer_ports;
    std::vector<std::uint64_t> inodes;
    std::chrono::milliseconds min_idle{0};
    std::optional<bool> owned;  ///< true: only with a holder; false: only without
};

}  // namespace unwait
