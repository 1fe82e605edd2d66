// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "unwait/filter.hpp"
#include "unwait/tcp.hpp"

/// The translation of conditions to the bytecode that the kernel runs
/// on each socket of a dump (INET_DIAG_REQ_BYTECODE, linux/inet_diag.h).
namespace unwait::netlink {

using Bytecode = std::vector<std::byte>;

/// The program for a dump of sockets of one family: empty when every socket of the family meets the
/// condition, absent when none can. What its names stand for must have been looked up. A condition
/// too long for one netlink attribute gives the empty program too, so that the kernel sends more
/// than was asked for but never less.
[[nodiscard]] std::optional<Bytecode> compile(const Condition& condition, Family family);

/// What a condition asks of a socket beside its endpoints.
struct Questions {
    bool mark = false;
    bool cgroup = false;
    bool autobound = false;
};
[[nodiscard]] Questions questions_of(const Condition& condition);

}  // namespace unwait::netlink
