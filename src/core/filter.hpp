// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "unwait/filter.hpp"
#include "unwait/selector.hpp"

/// What conditions say of sockets.
namespace unwait {

/// Whether a socket meets a condition whose names are looked up. What the kernel did not tell of it
/// counts as what the kernel's own filter takes it for: no mark, no cgroup, a port that was named.
[[nodiscard]] bool meets(const Condition& condition, const Socket& socket);

/// What the names in conditions stand for in one network namespace, and its automatic ports.
struct FilterNames {
    std::map<std::string, std::optional<std::uint32_t>> devices;
    std::map<std::string, std::optional<std::uint64_t>> cgroups;
    std::optional<PortRange> automatic_ports;  ///< ip_local_port_range, when it is asked for
};

/// The names to look up, without what they stand for; automatic_ports is set when it is wanted.
[[nodiscard]] FilterNames names_in(std::span<const Filter> filters);

/// The condition with its names looked up. A port was bound automatically when no bind() named it
/// and it is one of the automatic ports: the kernel counts what a listener accepts as well.
[[nodiscard]] Condition looked_up(const Condition& condition, const FilterNames& names);

}  // namespace unwait
