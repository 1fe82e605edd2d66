// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <random>

#include "text.hpp"

namespace unwait {
namespace {

Address address(std::string_view text) {
    const auto parsed = parse_address(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}

}  // namespace

TEST_CASE("addresses are read and written") {
    for (const std::string_view text :
         {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::8:800:200c:417a",
          "::ffff:10.1.2.3", "fe80::1"}) {
        CAPTURE(text);
        CHECK(format_address(address(text)) == text);
    }
    CHECK(address("10.1.2.3").family == Family::inet);
    CHECK(address("::ffff:10.1.2.3").family == Family::inet6);
    CHECK(format_address(address("2001:DB8:0:0:0:0:0:1")) == "2001:db8::1");
}

TEST_CASE("what is no address is refused") {
    for (const std::string_view text :
         {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "010.0.0.1x", "localhost", ":", ":::", "1::2::3",
          "fe80::1%eth0", "[::1]", "12345::", "1:2:3:4:5:6:7:8:9"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_address(text).has_value());
    }
    CHECK_FALSE(parse_address(std::string_view{"::1\0", 4}).has_value());
    CHECK_FALSE(parse_address(std::string(100'000, '1')).has_value());
}

TEST_CASE("endpoints are written as URLs have them") {
    CHECK(format_endpoint({address("10.0.0.1"), 80}) == "10.0.0.1:80");
    CHECK(format_endpoint({address("::1"), 65535}) == "[::1]:65535");
    CHECK(format_endpoint({address("::ffff:10.0.0.1"), 0}) == "[::ffff:10.0.0.1]:0");
}

TEST_CASE("endpoint patterns are read") {
    struct Row {
        std::string_view text;
        EndpointPattern pattern;
    };
    for (const Row& row : {
             Row{"10.0.0.1", {address("10.0.0.1"), 32, std::nullopt}},
             Row{"10.0.0.1:80", {address("10.0.0.1"), 32, 80}},
             Row{"10.0.0.0/8", {address("10.0.0.0"), 8, std::nullopt}},
             Row{"10.0.0.0/8:80", {address("10.0.0.0"), 8, 80}},
             Row{"0.0.0.0/0", {address("0.0.0.0"), 0, std::nullopt}},
             Row{"::1", {address("::1"), 128, std::nullopt}},
             Row{"::", {address("::"), 128, std::nullopt}},
             Row{"fe80::/10", {address("fe80::"), 10, std::nullopt}},
             Row{"[::1]", {address("::1"), 128, std::nullopt}},
             Row{"[::1]:443", {address("::1"), 128, 443}},
             Row{"[fe80::]/10:443", {address("fe80::"), 10, 443}},
             Row{"[10.0.0.1]:80", {address("10.0.0.1"), 32, 80}},
             Row{":443", {std::nullopt, 0, 443}},
             Row{"*:443", {std::nullopt, 0, 443}},
             Row{"*", {std::nullopt, 0, std::nullopt}},
             Row{"*:*", {std::nullopt, 0, std::nullopt}},
             Row{"10.0.0.1:*", {address("10.0.0.1"), 32, std::nullopt}},
         }) {
        CAPTURE(row.text);
        CHECK(parse_endpoint_pattern(row.text) == row.pattern);
    }
}

TEST_CASE("what is no endpoint pattern is refused") {
    for (const std::string_view text : {"",
                                        ":",
                                        "/",
                                        "/8",
                                        "*/8",
                                        "*/0",
                                        "10.0.0.1:",
                                        "10.0.0.1:http",
                                        "10.0.0.1:65536",
                                        "10.0.0.1:-1",
                                        "10.0.0.0/33",
                                        "10.0.0.0/",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/8/8",
                                        "10.0.0.1:80:80",
                                        "fe80::/129",
                                        "fe80::/10:443",
                                        "[::1",
                                        "::1]",
                                        "[]",
                                        "[]:80",
                                        "[*]:80",
                                        "[::1]80",
                                        "[::1]]:80",
                                        "[[::1]]:80",
                                        "[::1]:",
                                        "localhost:80",
                                        " 10.0.0.1",
                                        "10.0.0.1 :80"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_endpoint_pattern(text).has_value());
    }
}

TEST_CASE("a written endpoint reads back as itself") {
    std::mt19937 random{4711};
    for (int round = 0; round < 20'000; ++round) {
        Endpoint endpoint;
        endpoint.port = static_cast<std::uint16_t>(random());
        endpoint.address.family = random() % 2 == 0 ? Family::inet : Family::inet6;
        const std::size_t length = endpoint.address.family == Family::inet ? 4 : 16;
        for (std::size_t at = 0; at < length; ++at) {
            // Many zeros, so that "::" appears in all places.
            endpoint.address.bytes.at(at) =
                random() % 2 == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(random());
        }
        const auto pattern = parse_endpoint_pattern(format_endpoint(endpoint));
        REQUIRE(pattern.has_value());
        REQUIRE(pattern->address == endpoint.address);
        REQUIRE(pattern->port == endpoint.port);
        REQUIRE(pattern->prefix_length == length * 8);
    }
}

TEST_CASE("port ranges are read") {
    CHECK(parse_port_range("0") == PortRange{0, 0});
    CHECK(parse_port_range("80") == PortRange{80, 80});
    CHECK(parse_port_range("80-80") == PortRange{80, 80});
    CHECK(parse_port_range("1024-65535") == PortRange{1024, 65535});
    for (const std::string_view text : {"", "-", "80-", "-80", "90-80", "65536", "80-65536",
                                        "80-90-100", "http", "80 - 90", "+80", "0x50", "80:90"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_port_range(text).has_value());
    }
}

}  // namespace unwait
