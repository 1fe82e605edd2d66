// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "unwait/tcp.hpp"

/// Conditions on a socket, as ss(8)'s filter language has them.
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

enum class Side : std::uint8_t { local, peer };
enum class Comparison : std::uint8_t { equal, not_equal, less, greater, at_most, at_least };

struct EndpointTest {
    Side side = Side::local;
    EndpointPattern pattern;

    bool operator==(const EndpointTest&) const = default;
};

struct PortTest {
    Side side = Side::local;
    Comparison comparison = Comparison::equal;
    std::uint16_t port = 0;

    bool operator==(const PortTest&) const = default;
};

/// The family of the socket itself: an inet6 socket may speak IPv4.
struct FamilyTest {
    Family family = Family::inet;

    bool operator==(const FamilyTest&) const = default;
};

/// Bound to this device (SO_BINDTODEVICE, or a link-local address).
struct DeviceTest {
    std::string name;                    ///< as written: a name, or an index in digits
    std::optional<std::uint32_t> index;  ///< what it is called in one network namespace; absent: it
                                         ///< is not there, or nobody has looked yet

    bool operator==(const DeviceTest&) const = default;
};

/// SO_MARK, in the bits of `mask`.
struct MarkTest {
    std::uint32_t mark = 0;
    std::uint32_t mask = ~std::uint32_t{0};

    bool operator==(const MarkTest&) const = default;
};

/// Made in exactly this cgroup.
struct CgroupTest {
    std::string path;
    std::optional<std::uint64_t> id;  ///< absent while nobody has looked

    bool operator==(const CgroupTest&) const = default;
};

/// Its port was not named in a bind().
struct AutoboundTest {
    bool operator==(const AutoboundTest&) const = default;
};

struct Condition;

/// True when its one part is not.
struct Negation {
    std::vector<Condition> part;

    bool operator==(const Negation& other) const;
};

/// True when all parts are; without parts: true.
struct Conjunction {
    std::vector<Condition> parts;

    bool operator==(const Conjunction& other) const;
};

/// True when any part is; without parts: false.
struct Disjunction {
    std::vector<Condition> parts;

    bool operator==(const Disjunction& other) const;
};

struct Condition {
    std::variant<EndpointTest, PortTest, FamilyTest, DeviceTest, MarkTest, CgroupTest,
                 AutoboundTest, Negation, Conjunction, Disjunction>
        is;

    bool operator==(const Condition&) const = default;
};

inline bool Negation::operator==(const Negation& other) const { return part == other.part; }
inline bool Conjunction::operator==(const Conjunction& other) const { return parts == other.parts; }
inline bool Disjunction::operator==(const Disjunction& other) const { return parts == other.parts; }

/// One expression of ss(8)'s filter language.
struct Filter {
    std::optional<StateMask> states;     ///< from its state words
    std::optional<Condition> condition;  ///< absent when it had nothing but state words

    bool operator==(const Filter&) const = default;
};

/// What the names in conditions stand for in one network namespace, and its automatic ports. What
/// is absent is not there.
struct FilterNames {
    std::map<std::string, std::optional<std::uint32_t>> devices;
    std::map<std::string, std::optional<std::uint64_t>> cgroups;
    std::optional<PortRange> automatic_ports;  ///< ip_local_port_range, when it is asked for

    [[nodiscard]] bool empty() const noexcept {
        return devices.empty() && cgroups.empty() && !automatic_ports;
    }
};

}  // namespace unwait
