// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "unwait/selector.hpp"
#include "unwait/tcp.hpp"

/// Conditions on a socket's endpoints, and their translation to the bytecode that the kernel runs
/// on each socket of a dump (INET_DIAG_REQ_BYTECODE, linux/inet_diag.h).
namespace unwait::netlink {

enum class Side : std::uint8_t { local, peer };

struct EndpointTest {
    Side side = Side::local;
    EndpointPattern pattern;
};

struct PortTest {
    Side side = Side::local;
    PortRange range;
};

struct Condition;

/// True when all parts are; without parts: true.
struct Conjunction {
    std::vector<Condition> parts;
};

/// True when any part is; without parts: false.
struct Disjunction {
    std::vector<Condition> parts;
};

struct Condition {
    std::variant<EndpointTest, PortTest, Conjunction, Disjunction> is;
};

using Bytecode = std::vector<std::byte>;

/// The program for a dump of sockets of one family: empty when every socket of the family meets the
/// condition, absent when none can. A condition too long for one netlink attribute gives the empty
/// program too, so that the kernel sends more than was asked for but never less.
[[nodiscard]] std::optional<Bytecode> compile(const Condition& condition, Family family);

}  // namespace unwait::netlink
