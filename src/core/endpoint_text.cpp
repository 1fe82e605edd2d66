// SPDX-License-Identifier: MIT
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "text.hpp"

namespace unwait {
namespace {

constexpr unsigned bits_of(Family family) noexcept { return family == Family::inet ? 32 : 128; }

std::optional<std::uint16_t> parse_port(std::string_view text) {
    const auto number = parse_number(text);
    if (!number || *number > std::numeric_limits<std::uint16_t>::max()) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(*number);
}

/// The three parts of ADDR[/LEN][:PORT] as text; a part that is not there is absent.
struct Parts {
    std::string_view address;
    bool in_brackets = false;
    std::optional<std::string_view> length;
    std::optional<std::string_view> port;
};

std::optional<Parts> split(std::string_view text) {
    Parts parts;
    std::string_view rest;
    // More than one colon is an IPv6 address, which without brackets has no port.
    const bool may_have_port = text.starts_with('[') || std::ranges::count(text, ':') <= 1;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        parts.address = text.substr(1, end - 1);
        parts.in_brackets = true;
        rest = text.substr(end + 1);
    } else {
        const std::size_t end =
            std::min(text.find_first_of(may_have_port ? "/:" : "/"), text.size());
        parts.address = text.substr(0, end);
        rest = text.substr(end);
    }
    const std::size_t colon = rest.find(':');
    if (may_have_port && colon != std::string_view::npos) {
        parts.port = rest.substr(colon + 1);
        rest = rest.substr(0, colon);
    }
    if (rest.starts_with('/')) {
        parts.length = rest.substr(1);
        rest = {};
    }
    return rest.empty() ? std::optional{parts} : std::nullopt;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::ranges::copy(text, terminated.begin());
    for (const Family family : {Family::inet, Family::inet6}) {
        Address address{family, {}};
        if (inet_pton(family == Family::inet ? AF_INET : AF_INET6, terminated.data(),
                      address.bytes.data()) == 1) {
            return address;
        }
    }
    return std::nullopt;
}

std::string format_address(const Address& address) {
    if (address.family == Family::inet) {
        // Asked for several times a socket; inet_ntop(3) takes its way through printf.
        std::array<char, INET_ADDRSTRLEN> text{};
        char* end = text.begin();
        for (const std::uint8_t part : std::span(address.bytes).first<4>()) {
            if (end != text.begin()) *end++ = '.';
            end = std::to_chars(end, text.end(), part).ptr;
        }
        return {text.begin(), end};
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    return inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());  // cannot fail
}

std::string format_endpoint(const Endpoint& endpoint) {
    std::string text = format_address(endpoint.address);
    if (endpoint.address.family == Family::inet6) text = "[" + text + "]";
    return text.append(":").append(std::to_string(endpoint.port));
}

std::optional<EndpointPattern> parse_endpoint_pattern(std::string_view text) {
    const auto parts = split(text);
    if (text.empty() || !parts) {
        return std::nullopt;
    }
    EndpointPattern pattern;
    const bool any_address =
        !parts->in_brackets && (parts->address.empty() || parts->address == "*");
    if (any_address && parts->length) {
        return std::nullopt;
    }
    if (!any_address) {
        pattern.address = parse_address(parts->address);
        if (!pattern.address) {
            return std::nullopt;
        }
        pattern.prefix_length = bits_of(pattern.address->family);
    }
    if (parts->length) {
        const auto length = parse_number(*parts->length);
        if (!length || *length > pattern.prefix_length) {
            return std::nullopt;
        }
        pattern.prefix_length = static_cast<unsigned>(*length);
    }
    if (parts->port && *parts->port != "*") {
        pattern.port = parse_port(*parts->port);
        if (!pattern.port) {
            return std::nullopt;
        }
    }
    return pattern;
}

std::optional<PortRange> parse_port_range(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = parse_port(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
    if (!first || !last || *first > *last) {
        return std::nullopt;
    }
    return PortRange{*first, *last};
}

}  // namespace unwait
