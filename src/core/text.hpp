// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "unwait/selector.hpp"
#include "unwait/tcp.hpp"

/// Words to values and back. Every parser takes the whole text or nothing.
namespace unwait {

/// A whole number in decimal, without sign or blanks.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

/// systemd.time(7) style: "250us", "100ms", "2s", "5m", "1h", "2d", also "1h30m"; a bare number is
/// seconds. Absent when malformed or beyond 10 years.
[[nodiscard]] std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

/// At most two units: "47s", "3m12s", "2d4h", "80ms".
[[nodiscard]] std::string format_duration(std::chrono::microseconds duration);

[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
[[nodiscard]] std::string format_address(const Address& address);

/// "10.0.0.1:80", "[::1]:80".
[[nodiscard]] std::string format_endpoint(const Endpoint& endpoint);

/// ADDR[/LEN][:PORT], IPv6 addresses with a port in brackets; "*" or nothing stands for any
/// address, so ":443" is a port alone.
[[nodiscard]] std::optional<EndpointPattern> parse_endpoint_pattern(std::string_view text);

/// N or N-M with N <= M, from 0 to 65535.
[[nodiscard]] std::optional<PortRange> parse_port_range(std::string_view text);

/// The candidate that is most likely meant (Damerau-Levenshtein distance of at most a third of the
/// word), or nothing.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view text,
                                                      std::span<const std::string_view> candidates);

/// Safe for a terminal and for one line: control characters (C0, DEL, C1, bidirectional overrides)
/// and bytes that are not UTF-8 become \xNN or \u{N}; a backslash stays as it is.
[[nodiscard]] std::string printable(std::string_view text);

/// Nothing but letters, digits, punctuation and blanks: printable as it is, and a column each.
[[nodiscard]] bool is_printable_ascii(std::string_view text) noexcept;

/// Valid UTF-8: each byte that is not becomes U+FFFD.
[[nodiscard]] std::string to_utf8(std::string_view text);

/// RFC 3339 in UTC with milliseconds: "2026-11-21T03:30:00.123Z".
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point time);

/// What format_time writes, and nothing else.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_time(
    std::string_view text);

}  // namespace unwait
