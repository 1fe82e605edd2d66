// SPDX-License-Identifier: MIT
#include "filter_values.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "text.hpp"

namespace unwait {
namespace {

std::string quote(std::string_view text) { return "'" + std::string(text) + "'"; }

/// Decimal, or hexadecimal after "0x". ss(8) also reads "010" as octal: nobody means that, so it is
/// no number here.
std::optional<std::uint32_t> read_number(std::string_view text) {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if (!hexadecimal && text.size() > 1 && text.starts_with('0')) {
        return std::nullopt;
    }
    if (hexadecimal) {
        text.remove_prefix(2);
    }
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, hexadecimal ? 16 : 10);
    if (text.empty() || error != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return number;
}

bool begins_a_number(std::string_view text) {
    return !text.empty() && text.front() >= '0' && text.front() <= '9';
}

/// A port number, or the complaint.
std::variant<std::uint16_t, std::string> read_port_word(std::string_view word,
                                                        const Services& services) {
    if (word.empty()) {
        return "a port is missing after the colon: a number or a service, or * for any";
    }
    if (begins_a_number(word)) {
        const auto number = read_number(word);
        if (number && *number <= std::numeric_limits<std::uint16_t>::max()) {
            return static_cast<std::uint16_t>(*number);
        }
        return quote(word) + " is not a port: 0 to 65535, without leading zeros";
    }
    if (const auto port = services.port_of(word)) {
        return *port;
    }
    const auto names = services.names();
    const auto near = nearest(word, names);
    return quote(word) + " is not a TCP service in /etc/services" +
           (near ? "; did you mean " + quote(*near) + "?" : ": give the number of the port");
}

/// Cuts "inet:" or "inet6:" off.
std::optional<Family> take_family(std::string_view& word) {
    constexpr std::array families{std::pair{std::string_view{"inet6:"}, Family::inet6},
                                  std::pair{std::string_view{"inet:"}, Family::inet}};
    for (const auto& [prefix, family] : families) {
        if (word.starts_with(prefix)) {
            word.remove_prefix(prefix.size());
            return family;
        }
    }
    return std::nullopt;
}

Condition within(std::optional<Family> family, Condition condition) {
    if (!family) {
        return condition;
    }
    return {Conjunction{{{FamilyTest{*family}}, std::move(condition)}}};
}

/// "10" or "193.233.7": what is left out at the end is 0.
std::optional<Address> read_short_address(std::string_view text) {
    const auto dots = std::ranges::count(text, '.');
    if (!begins_a_number(text) || dots > 3) {
        return std::nullopt;
    }
    std::string whole(text);
    for (auto missing = 3 - dots; missing > 0; --missing) {
        whole += ".0";
    }
    const auto address = parse_address(whole);
    return address && address->family == Family::inet ? address : std::nullopt;
}

/// "24", or "255.255.255.0".
std::optional<unsigned> read_prefix_length(std::string_view text, Family family) {
    const unsigned width = family == Family::inet ? 32 : 128;
    if (const auto number = read_number(text)) {
        return *number <= width ? std::optional<unsigned>(*number) : std::nullopt;
    }
    const auto mask = parse_address(text);
    if (family != Family::inet || !mask || mask->family != Family::inet) {
        return std::nullopt;
    }
    std::uint32_t bits = 0;
    for (std::size_t at = 0; at < 4; ++at) {
        bits = bits << 8U | mask->bytes.at(at);
    }
    const auto ones = static_cast<unsigned>(std::countl_one(bits));
    return static_cast<unsigned>(std::popcount(bits)) == ones ? std::optional(ones) : std::nullopt;
}

struct HostParts {
    std::string_view address;
    std::optional<std::string_view> length;
    std::optional<std::string_view> port;
    bool in_brackets = false;
    bool has_stray_colon = false;
};

/// Absent when a bracket is not closed, or something but a length and a port follows it.
std::optional<HostParts> split_host(std::string_view word) {
    HostParts parts;
    std::string_view rest;
    parts.in_brackets = word.starts_with('[');
    if (parts.in_brackets) {
        const std::size_t end = word.find(']');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        parts.address = word.substr(1, end - 1);
        rest = word.substr(end + 1);
    } else {
        const std::size_t end = std::min(word.find_first_of("/:"), word.size());
        parts.address = word.substr(0, end);
        rest = word.substr(end);
    }
    if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
        parts.port = rest.substr(colon + 1);
        rest = rest.substr(0, colon);
        parts.has_stray_colon = parts.port->find(':') != std::string_view::npos;
    }
    if (rest.starts_with('/')) {
        parts.length = rest.substr(1);
        rest = {};
    }
    // ss(8) has the length within the brackets.
    const std::size_t slash = parts.address.find('/');
    if (parts.in_brackets && slash != std::string_view::npos && !parts.length) {
        parts.length = parts.address.substr(slash + 1);
        parts.address = parts.address.substr(0, slash);
    }
    return rest.empty() ? std::optional(parts) : std::nullopt;
}

bool is_any(const HostParts& parts) {
    constexpr std::array<std::string_view, 5> words{"", "*", "any", "all", "default"};
    return !parts.in_brackets && std::ranges::find(words, parts.address) != words.end();
}

/// Fills the address of a pattern; the complaint, or nothing.
std::string read_address(const HostParts& parts, EndpointPattern& pattern) {
    if (is_any(parts)) {
        return parts.length ? "a prefix length needs an address before it" : "";
    }
    const std::string name = quote(parts.address);
    pattern.address = parse_address(parts.address);
    if (!pattern.address && !parts.in_brackets) {
        pattern.address = read_short_address(parts.address);
        if (pattern.address && !parts.length) {
            return name + " is a part of an address: give the whole, or a prefix such as 10/8";
        }
    }
    if (!pattern.address) {
        return name +
               (begins_a_number(parts.address) || parts.in_brackets
                    ? " is not an IP address"
                    : " is not an IP address, and host names are not looked up: give the address");
    }
    const Family family = pattern.address->family;
    if (parts.in_brackets && family == Family::inet) {
        return name + " is an IPv4 address: it stands without brackets";
    }
    pattern.prefix_length = family == Family::inet ? 32 : 128;
    if (!parts.length) {
        return "";
    }
    const auto length = read_prefix_length(*parts.length, family);
    if (!length) {
        return quote(*parts.length) + " is not a prefix length of at most " +
               std::to_string(pattern.prefix_length);
    }
    pattern.prefix_length = *length;
    return "";
}

}  // namespace

FilterValue read_host(Side side, std::string_view word, const Services& services) {
    const std::optional<Family> family = take_family(word);
    const auto parts = split_host(word);
    if (!parts) {
        return "an address is [FAMILY:]ADDRESS[/LENGTH][:PORT], with an IPv6 address in brackets";
    }
    if (parts->has_stray_colon) {
        return "an IPv6 address stands in brackets, as in [::1]:80: its end would be taken for a "
               "port";
    }
    EndpointPattern pattern;
    if (std::string wrong = read_address(*parts, pattern); !wrong.empty()) {
        return wrong;
    }
    if (parts->port && *parts->port != "*") {
        auto port = read_port_word(*parts->port, services);
        if (auto* wrong = std::get_if<std::string>(&port)) {
            return std::move(*wrong);
        }
        pattern.port = std::get<std::uint16_t>(port);
    }
    const bool only_family = family && pattern == EndpointPattern{};
    return only_family ? Condition{FamilyTest{*family}}
                       : within(family, {EndpointTest{side, pattern}});
}

FilterValue read_port(Side side, Comparison comparison, std::string_view word,
                      const Services& services) {
    const std::optional<Family> family = take_family(word);
    if (word.starts_with(':')) {
        word.remove_prefix(1);
    }
    if (word == "*") {
        if (comparison != Comparison::equal) {
            return "* stands for any port, which cannot be compared: give a number or a service";
        }
        return family ? Condition{FamilyTest{*family}} : Condition{EndpointTest{side, {}}};
    }
    auto port = read_port_word(word, services);
    if (auto* wrong = std::get_if<std::string>(&port)) {
        return std::move(*wrong);
    }
    return within(family, {PortTest{side, comparison, std::get<std::uint16_t>(port)}});
}

FilterValue read_mark(std::string_view word) {
    const std::size_t slash = word.find('/');
    const auto mark = read_number(word.substr(0, slash));
    const auto mask = slash == std::string_view::npos ? std::optional(~std::uint32_t{0})
                                                      : read_number(word.substr(slash + 1));
    if (!mark || !mask) {
        return quote(word) + " is not a mark, as in 16, 0x10 or 0x10/0xff, of 32 bits";
    }
    if ((*mark & ~*mask) != 0) {
        return quote(word) + " matches nothing: the mark has bits that its mask leaves out";
    }
    return Condition{MarkTest{*mark, *mask}};
}

FilterValue read_cgroup(std::string_view word) {
    if (!word.starts_with('/')) {
        return quote(word) + " is not an absolute path, as in /system.slice/api.service";
    }
    return Condition{CgroupTest{std::string(word), std::nullopt}};
}

}  // namespace unwait
