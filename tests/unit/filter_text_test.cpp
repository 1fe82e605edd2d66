// SPDX-License-Identifier: MIT
#include "filter_text.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text.hpp"
#include "vocabulary.hpp"

using namespace unwait;

namespace {

const Services services{
    "# name port/protocol aliases\n"
    "ssh 22/tcp\n"
    "domain 53/udp\n"
    "http\t\t80/tcp  www # the web\n"
    "http 8000/tcp\n"
    "broken\n"
    "worse 70000/tcp\n"
    "https 443/tcp"};

Filter read(std::string_view text) {
    const auto parsed = parse_filter(text, services);
    const auto* error = std::get_if<FilterError>(&parsed);
    REQUIRE_MESSAGE(error == nullptr, std::string(text), ": ", error ? error->what : "");
    return std::get<Filter>(parsed);
}

/// The expression as it is printed: one spelling for all that mean the same.
std::string plain(std::string_view text) { return format_filter(read(text)); }

/// Where it is wrong, and what is said about it.
void check_wrong(std::string_view text, std::size_t at, std::size_t length, const char* what) {
    CAPTURE(std::string(text));
    const auto parsed = parse_filter(text, services);
    const auto* error = std::get_if<FilterError>(&parsed);
    REQUIRE(error != nullptr);
    CHECK(error->at == at);
    CHECK(error->length == length);
    CHECK_MESSAGE(error->what.find(what) != std::string::npos, error->what);
}

}  // namespace

TEST_CASE("every spelling of an operator") {
    for (const char* text : {"sport = :80", "sport == :80", "sport eq :80", "sport :80", "sport 80",
                             "sport=80", "sport = www", "sport http", "sport = :0x50",
                             "sport\t=\n80", "(sport=80)", "( ( sport = 80 ) )"}) {
        CHECK(plain(text) == "sport = :80");
    }
    CHECK(plain("dport != 80") == "dport != :80");
    CHECK(plain("dport!=80") == plain("dport neq 80"));
    CHECK(plain("dport ne :http") == plain("dport != 80"));
    CHECK(plain("dport < 80") == plain("dport lt :80"));
    CHECK(plain("dport>80") == plain("dport gt :80"));
    CHECK(plain("dport <= 80") == plain("dport le 80"));
    CHECK(plain("dport leq 80") == plain("dport le 80"));
    CHECK(plain("dport >= 80") == plain("dport ge 80"));
    CHECK(plain("dport geq 80") == plain("dport ge 80"));
    for (const char* text : {"autobound and sport 1", "autobound & sport 1", "autobound && sport 1",
                             "autobound&sport 1", "autobound sport 1"}) {
        CHECK(plain(text) == "autobound and sport = :1");
    }
    for (const char* text :
         {"autobound or sport 1", "autobound | sport 1", "autobound || sport 1"}) {
        CHECK(plain(text) == "autobound or sport = :1");
    }
    CHECK(plain("!autobound") == "not autobound");
    CHECK(plain("! ! autobound") == "not not autobound");
    CHECK(plain("not(autobound)") == "not autobound");
}

TEST_CASE("and and or are equals, read from left to right as ss does; not binds tighter") {
    CHECK(plain("sport 1 or sport 2 and sport 3") == plain("( sport 1 or sport 2 ) and sport 3"));
    CHECK(plain("sport 1 or sport 2 sport 3") == plain("( sport 1 or sport 2 ) and sport 3"));
    CHECK(plain("sport 1 sport 2 or sport 3") == plain("( sport 1 and sport 2 ) or sport 3"));
    CHECK(plain("sport 1 or sport 2 and sport 3 or sport 4") ==
          "( ( sport = :1 or sport = :2 ) and sport = :3 ) or sport = :4");
    CHECK(plain("sport 1 or ( sport 2 sport 3 )") == "sport = :1 or ( sport = :2 and sport = :3 )");
    CHECK(plain("not sport 1 and sport 2") == "not sport = :1 and sport = :2");
    CHECK(plain("not ( sport 1 and sport 2 )") == "not ( sport = :1 and sport = :2 )");
    CHECK(plain("( sport 1 and sport 2 ) and sport 3") ==
          "( sport = :1 and sport = :2 ) and sport = :3");
    CHECK(plain("sport 1 and sport 2 and sport 3") == "sport = :1 and sport = :2 and sport = :3");
}

TEST_CASE("addresses") {
    CHECK(plain("src 10.0.0.1") == "src 10.0.0.1");
    CHECK(plain("src = 10.0.0.1/32") == "src 10.0.0.1");
    CHECK(plain("src != 10.0.0.1") == "not src 10.0.0.1");
    CHECK(plain("dst 193.233.7/24") == "dst 193.233.7.0/24");
    CHECK(plain("dst 10/8:80") == "dst 10.0.0.0/8:80");
    CHECK(plain("dst 10.1.0.0/255.255.0.0") == "dst 10.1.0.0/16");
    CHECK(plain("dst 0.0.0.0/0") == "dst 0.0.0.0/0");
    CHECK(plain("dst :http") == "dst *:80");
    for (const char* text : {"dst *", "dst *:*", "dst any", "dst all:*", "dport = *", "dport :*"}) {
        CHECK(plain(text) == "dst *");
    }
    CHECK(plain("src [::1]") == "src [::1]");
    CHECK(plain("src [::1]:443") == "src [::1]:443");
    CHECK(plain("src [fd00::]/8") == "src [fd00::/8]");
    CHECK(plain("src [fd00::/8]:1") == "src [fd00::/8]:1");
    CHECK(plain("src [::ffff:10.0.0.1]") == "src [::ffff:10.0.0.1]");
    CHECK(plain("src inet:*") == "src inet:*");
    CHECK(plain("dst inet6:*") == "src inet6:*");
    CHECK(plain("sport inet:80") == "src inet:* and sport = :80");
    CHECK(plain("sport > inet6::80") == "src inet6:* and sport > :80");
    CHECK(plain("not src inet6:[::1]:80") == "not ( src inet6:* and src [::1]:80 )");
}

TEST_CASE("devices, marks and cgroups") {
    CHECK(plain("dev eth0") == "dev = eth0");
    CHECK(plain("dev != eth0.100") == "not dev = eth0.100");
    CHECK(plain("dev = eq") == "dev = eq");
    CHECK(plain("dev and\\ or") == "dev = and\\ or");
    CHECK(plain("fwmark 0x10") == "fwmark = 16");
    CHECK(plain("fwmark = 1/0x3") == "fwmark = 1/3");
    CHECK(plain("fwmark != 0xffffffff") == "not fwmark = 4294967295");
    CHECK(plain("cgroup /sys/fs/cgroup/a.slice") == "cgroup = /sys/fs/cgroup/a.slice");
    CHECK(plain("cgroup != /a\\(b\\)") == "not cgroup = /a\\(b\\)");
}

TEST_CASE("state words stand first") {
    CHECK(read("state close-wait").states == mask_of(TcpState::close_wait));
    CHECK_FALSE(read("state close-wait").condition);
    CHECK(read("state close-wait state last-ack").states ==
          (mask_of(TcpState::close_wait) | mask_of(TcpState::last_ack)));
    CHECK(read("state connected exclude established").states ==
          (states_of_word("connected").value() & ~mask_of(TcpState::established)));
    CHECK(read("excl listening").states ==
          (states_of_word("all").value() & ~mask_of(TcpState::listening)));
    CHECK(plain("state CLOSE-WAIT sport = :80") == "state close-wait sport = :80");
    CHECK(plain("state close-wait and sport = :80") == "state close-wait sport = :80");
    CHECK_FALSE(read("sport = :80").states);
}

TEST_CASE("an error points at what is wrong") {
    check_wrong("", 0, 0, "empty");
    check_wrong("  ", 2, 0, "empty");
    check_wrong("sport = :htps", 8, 5, "did you mean 'https'?");
    check_wrong("sport = domain", 8, 6, "not a TCP service");
    check_wrong("sport = worse", 8, 5, "not a TCP service");
    check_wrong("sport = 65536", 8, 5, "0 to 65535");
    check_wrong("sport = 080", 8, 3, "without leading zeros");
    check_wrong("sport = -1", 8, 2, "not a TCP service");
    check_wrong("sport = :", 8, 1, "missing after the colon");
    check_wrong("sport", 5, 0, "a port is missing");
    check_wrong("sport => 80", 7, 1, "a port is missing");
    check_wrong("sport > *", 8, 1, "cannot be compared");
    check_wrong("src", 3, 0, "an address");
    check_wrong("src ::1", 4, 3, "in brackets");
    check_wrong("src fe80::1:80", 4, 10, "in brackets");
    check_wrong("src 10", 4, 2, "a prefix such as 10/8");
    check_wrong("src 10.0.0.256", 4, 10, "not an IP address");
    check_wrong("src 10/33", 4, 5, "at most 32");
    check_wrong("src 10/255.0.255.0", 4, 14, "not a prefix length");
    check_wrong("src [::1", 4, 4, "in brackets");
    check_wrong("src [::1]80", 4, 7, "in brackets");
    check_wrong("src [::/129]", 4, 8, "at most 128");
    check_wrong("src [10.0.0.1]", 4, 10, "without brackets");
    check_wrong("src */8", 4, 3, "needs an address");
    check_wrong("dst www.example.com", 4, 15, "host names are not looked up");
    check_wrong("dst > 10.0.0.1", 4, 1, "only ports have an order");
    check_wrong("dev", 3, 0, "the name or index of a device");
    check_wrong("fwmark x", 7, 1, "not a mark");
    check_wrong("fwmark 4/3", 7, 3, "matches nothing");
    check_wrong("fwmark 0x100000000", 7, 11, "not a mark");
    check_wrong("cgroup a.slice", 7, 7, "not an absolute path");
    check_wrong("sprot = 80", 0, 5, "did you mean 'sport'?");
    check_wrong("sport = 80 and", 14, 0, "a condition is missing");
    check_wrong("sport = 80 and or", 15, 2, "a condition is missing");
    check_wrong("or sport = 80", 0, 2, "a condition is missing");
    check_wrong("( )", 2, 1, "a condition is missing");
    check_wrong("sport = 80 and ( dport 1", 15, 1, "never closed");
    check_wrong("sport = 80 ) or dport 1", 11, 1, "never opened");
    check_wrong("sport = 80 and state established", 15, 5, "at the beginning");
    check_wrong("state estblished", 6, 10, "did you mean 'established'?");
    check_wrong("state", 5, 0, "a TCP state is missing");
    check_wrong("state listening exclude all", 27, 0, "leave no state");
    check_wrong("dev a\\", 4, 2, "backslash");
    check_wrong("\\", 0, 1, "");
    check_wrong("\\sport 80", 0, 6, "not a condition");
    check_wrong(std::string(101, '('), 100, 1, "deeper than 100");
    check_wrong(std::string(101, '!') + "autobound", 0, 1, "deeper than 100");
}

TEST_CASE("what is nested as deep as can be is printed no deeper") {
    std::string deep;
    for (int i = 0; i < 50; ++i) deep += "not ( autobound or ";
    const std::string closed(50, ')');
    const auto is_too_deep = [](const std::string& text) {
        const auto parsed = parse_filter(text, services);
        const auto* error = std::get_if<FilterError>(&parsed);
        return error != nullptr && error->what.find("deeper than 100") != std::string::npos;
    };
    CHECK(is_too_deep(deep + "src != 10.0.0.1" + closed));
    CHECK(is_too_deep(deep + "sport inet:80" + closed));
    const Filter filter = read(deep + "src 10.0.0.1" + closed);
    CHECK(read(format_filter(filter)) == filter);
}

TEST_CASE("a long row of changing signs is too deep, one of the same sign is not") {
    std::string row = "autobound";
    for (int i = 0; i < 30'000; ++i) row += i % 2 == 0 ? " or autobound" : " and autobound";
    const auto parsed = parse_filter(row, services);
    CHECK(std::get<FilterError>(parsed).what.find("deeper than 100") != std::string::npos);
    std::string same = "autobound";
    for (int i = 0; i < 30'000; ++i) same += " or autobound";
    CHECK(read(same) == read(format_filter(read(same))));
}

TEST_CASE("nesting ends where it is closed") {
    std::string text = "autobound";
    for (int i = 0; i < 300; ++i) text += " and ( autobound )";
    CHECK(read(text).condition);
    CHECK(read(std::string(100, '(') + "autobound" + std::string(100, ')')).condition);
}

namespace {

/// Draws filters of every shape that the parser gives.
class Draw {
public:
    Filter filter() {
        Filter drawn;
        if (below(3) == 0) drawn.states = 1 + below(0xffe) * 2;
        if (drawn.states) *drawn.states &= states_of_word("all").value();
        if (drawn.states == StateMask{0}) drawn.states.reset();
        if (!drawn.states || below(4) != 0) drawn.condition = condition(0);
        return drawn;
    }

private:
    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
    Side side() { return below(2) == 0 ? Side::local : Side::peer; }
    std::uint16_t port() { return static_cast<std::uint16_t>(below(65536)); }

    std::vector<Condition> parts(unsigned depth) {
        std::vector<Condition> drawn;
        for (unsigned left = 2 + below(3); left > 0; --left) drawn.push_back(condition(depth + 1));
        return drawn;
    }

    Condition condition(unsigned depth) {
        switch (below(depth < 5 ? 12 : 8)) {
            case 8:
                return {Negation{{condition(depth + 1)}}};
            case 9:
                return {Conjunction{parts(depth)}};
            case 10:
            case 11:
                return {Disjunction{parts(depth)}};
            case 0:
                return {FamilyTest{below(2) == 0 ? Family::inet : Family::inet6}};
            case 1:
                return {DeviceTest{word(), {}}};
            case 2: {
                const auto mask = static_cast<std::uint32_t>(below(2) == 0 ? ~0UL : random_());
                return {MarkTest{static_cast<std::uint32_t>(random_()) & mask, mask}};
            }
            case 3:
                return {CgroupTest{"/" + word(), {}}};
            case 4:
                return {AutoboundTest{}};
            case 5:
            case 6:
                return {PortTest{side(), static_cast<Comparison>(below(6)), port()}};
            default:
                return {EndpointTest{side(), pattern()}};
        }
    }

    EndpointPattern pattern() {
        EndpointPattern drawn;
        if (below(4) != 0) {
            Address& address = drawn.address.emplace();
            address.family = below(2) == 0 ? Family::inet : Family::inet6;
            const bool inet = address.family == Family::inet;
            for (std::size_t at = 0; at < (inet ? 4U : 16U); ++at) {
                address.bytes.at(at) = static_cast<std::uint8_t>(below(3) == 0 ? below(256) : 0);
            }
            const unsigned width = inet ? 32 : 128;
            drawn.prefix_length = below(2) == 0 ? width : below(width + 1);
        }
        if (below(2) == 0) drawn.port = port();
        return drawn;
    }

    std::string word() {
        static const std::vector<std::string> words{"eth0", "and", "not",  "eq", "a b",   "(",
                                                    "=",    "\\",  "a\\b", "1",  "sport", "!x",
                                                    "\xff", ":80", "*",    "é"};
        return words[below(static_cast<unsigned>(words.size()))];
    }

    std::mt19937 random_{20261121};  // the same draws in every run
};

}  // namespace

TEST_CASE("what is printed is read as the same") {
    Draw draw;
    for (int round = 0; round < 3000; ++round) {
        const Filter filter = draw.filter();
        const std::string text = format_filter(filter);
        CAPTURE(text);
        CHECK(read(text) == filter);
    }
}
