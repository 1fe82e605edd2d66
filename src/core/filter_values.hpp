// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "services.hpp"
#include "unwait/filter.hpp"

/// The values of the predicates of a filter expression: a condition, or what is wrong with them.
namespace unwait {

using FilterValue = std::variant<Condition, std::string>;

/// [FAMILY:]ADDRESS[/LEN][:PORT], "*" for any; an IPv6 address in brackets.
[[nodiscard]] FilterValue read_host(Side side, std::string_view word, const Services& services);

/// [FAMILY:][:]PORT, a number or a service.
[[nodiscard]] FilterValue read_port(Side side, Comparison comparison, std::string_view word,
                                    const Services& services);

/// MARK[/MASK].
[[nodiscard]] FilterValue read_mark(std::string_view word);

/// An absolute path, with or without the directory in which the tree is mounted.
[[nodiscard]] FilterValue read_cgroup(std::string_view word);

}  // namespace unwait
