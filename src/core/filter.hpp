// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

#include "unwait/filter.hpp"
#include "unwait/tcp.hpp"

/// What conditions say of sockets.
namespace unwait {

/// Whether a socket meets a condition whose names are looked up. What the kernel did not tell of it
/// counts as what the kernel's own filter takes it for: no mark, no cgroup, a port that was named.
[[nodiscard]] bool meets(const Condition& condition, const Socket& socket);

/// What a condition asks of a socket and is not known of it: a mark that the kernel keeps to
/// itself, or what a dead socket no longer has. Empty when all is known.
[[nodiscard]] std::string_view unknown_of(const Condition& condition, const Socket& socket);

/// The names to look up, without what they stand for; automatic_ports is set when it is wanted.
[[nodiscard]] FilterNames names_in(std::span<const Filter> filters);

/// The condition with its names looked up; those that are not among them stand for nothing. A port
/// was bound automatically when no bind() named it and it is one of the automatic ports: the kernel
/// counts what a listener accepts as well.
[[nodiscard]] Condition looked_up(const Condition& condition, const FilterNames& names);

}  // namespace unwait
