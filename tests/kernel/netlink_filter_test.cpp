// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bytecode.hpp"
#include "loopback.hpp"
#include "select.hpp"
#include "sock_diag.hpp"

using namespace unwait;
using namespace unwait::testing;
using netlink::DumpRequest;
using netlink::SockDiag;

namespace {

/// Connections and listeners of every flavour, at addresses near to each other.
struct Mixture {
    std::vector<Listener> listeners;
    std::vector<Connection> connections;
    std::vector<std::uint16_t> ports;

    Mixture() {
        for (const char* at : {"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1", "::ffff:127.0.0.1",
                               "::ffff:127.1.2.3"}) {
            listeners.push_back(listen_on(address(at)));
            connections.push_back(connect_pair(listeners.back()));
            connections.push_back(connect_pair(listeners.back()));
            leave(connections.back());
        }
        for (const char* at : {"0.0.0.0", "::", "10.1.2.3", "10.129.2.3", "fd00:1::5", "fd00:2::5",
                               "::ffff:10.1.2.3", "::ffff:0.0.0.0"}) {
            listeners.push_back(listen_on(address(at)));
        }
        for (const int port : {1, 2, 65534, 65535}) {
            listeners.push_back(listen_on(address("::"), static_cast<std::uint16_t>(port)));
        }
        for (const Listener& listener : listeners) ports.push_back(listener.endpoint.port);
        for (const Connection& connection : connections) {
            ports.push_back(local_of(connection.client).port);
        }
    }
};

std::vector<std::uint64_t> cookies_of(const std::vector<Socket>& sockets) {
    std::vector<std::uint64_t> cookies;
    for (const Socket& socket : sockets) cookies.push_back(socket.id.cookie);
    return cookies;
}

/// Draws flags as an operator could write them, over the values of a mixture.
class Draw {
public:
    explicit Draw(const Mixture& mixture) : mixture_(mixture) {}

    Selector selector() {
        Selector drawn;
        drawn.states = ~StateMask{0};
        drawn.ports = flags<PortRange>([this] { return range(); });
        drawn.peer_ports = flags<PortRange>([this] { return range(); });
        drawn.locals = flags<EndpointPattern>([this] { return pattern(); });
        drawn.peers = flags<EndpointPattern>([this] { return pattern(); });
        return drawn;
    }

private:
    std::size_t below(std::size_t limit) { return random_() % limit; }

    template <typename T, typename Make>
    std::vector<AnyOf<T>> flags(Make make) {
        std::vector<AnyOf<T>> result(below(8) == 0 ? 2 : below(2));
        for (AnyOf<T>& words : result) {
            for (std::size_t left = 1 + below(4); left > 0; --left) words.push_back(make());
        }
        return result;
    }

    std::uint16_t port() {
        const std::vector<std::uint16_t>& ports = mixture_.ports;
        return below(6) == 0 ? std::uint16_t{0} : ports[below(ports.size())];
    }

    PortRange range() {
        switch (below(5)) {
            case 0:
                return {port(), 65535};
            case 1:
                return {0, port()};
            case 2:
                return {};
            default: {
                const auto [first, last] = std::minmax({port(), port()});
                return {first, last};
            }
        }
    }

    EndpointPattern pattern() {
        static const std::vector<std::string> addresses{
            "127.0.0.1", "127.1.2.3", "10.1.2.3",         "0.0.0.0",   "::1",
            "fd00:1::5", "::",        "::ffff:127.0.0.1", "10.129.0.0"};
        EndpointPattern drawn;
        if (below(8) != 0) {
            drawn.address = address(addresses[below(addresses.size())]);
            const std::size_t width = drawn.address->family == Family::inet ? 32 : 128;
            drawn.prefix_length = static_cast<unsigned>(below(2) == 0 ? width : below(width + 1));
        }
        if (below(4) == 0) drawn.port = port();
        return drawn;
    }

    const Mixture& mixture_;
    std::mt19937 random_{20240229};  // the same draws in every run
};

std::string text_of(const std::vector<AnyOf<PortRange>>& flags) {
    std::string text;
    for (const auto& words : flags) {
        for (const PortRange& word : words) {
            text += std::to_string(word.first) + '-' + std::to_string(word.last) + ' ';
        }
        text += "| ";
    }
    return text;
}

DumpRequest request_of(const Selector& selector) {
    return {selector.states, selector.ports, selector.peer_ports,
            selector.locals, selector.peers, {}};
}

}  // namespace

TEST_CASE("the kernel narrows a dump to exactly what user space would keep of it") {
    in_own_network([] {
        const Mixture mixture;
        SockDiag diag = SockDiag::open();
        Draw draw(mixture);
        const auto everything = diag.dump({~StateMask{0}, {}, {}, {}, {}}).sockets;
        REQUIRE(everything.size() == mixture.listeners.size() + 2 * mixture.connections.size());
        std::size_t kept = 0;
        std::size_t empty = 0;
        for (int round = 0; round < 400; ++round) {
            CAPTURE(round);
            const Selector selector = draw.selector();
            CAPTURE(text_of(selector.ports));
            CAPTURE(text_of(selector.peer_ports));
            std::vector<Socket> expected;
            std::ranges::copy_if(
                everything, std::back_inserter(expected),
                [&](const Socket& socket) { return matches_socket(selector, socket); });
            const auto actual = diag.dump(request_of(selector)).sockets;
            CHECK(cookies_of(actual) == cookies_of(expected));
            kept += expected.size();
            empty += expected.empty() ? 1U : 0U;
        }
        CHECK(kept > 400);  // the draws are neither all too narrow nor all too wide
        CHECK(empty > 40);
        CHECK(empty < 300);
    });
}

TEST_CASE("conditions nest") {
    using namespace netlink;
    const Condition low{PortTest{Side::local, Comparison::at_most, 99}};
    const Condition high{PortTest{Side::local, Comparison::at_least, 200}};
    const Condition any_port{PortTest{Side::peer, Comparison::at_least, 0}};
    const Condition v6{EndpointTest{Side::peer, {address("fd00::"), 8, {}}}};
    const Condition nowhere{DeviceTest{"none", std::nullopt}};
    const auto opposite = [](const Condition& condition) {
        return Condition{Negation{{condition}}};
    };

    SUBCASE("a condition that is always or never true needs no program") {
        CHECK(compile({Conjunction{}}, Family::inet).value().empty());
        CHECK(compile({Conjunction{{any_port}}}, Family::inet).value().empty());
        CHECK(compile({Disjunction{{low, any_port}}}, Family::inet).value().empty());
        CHECK_FALSE(compile({Disjunction{}}, Family::inet));
        CHECK_FALSE(compile({Conjunction{{low, v6}}}, Family::inet));
        CHECK(compile({Conjunction{{low, v6}}}, Family::inet6).value().size() > 0);
        CHECK_FALSE(compile({Conjunction{{low, {Disjunction{}}}}}, Family::inet));
        CHECK_FALSE(compile({PortTest{Side::local, Comparison::less, 0}}, Family::inet));
        CHECK_FALSE(compile({PortTest{Side::local, Comparison::greater, 65535}}, Family::inet));
        CHECK_FALSE(compile(nowhere, Family::inet));
        CHECK_FALSE(compile({FamilyTest{Family::inet6}}, Family::inet));
        CHECK(compile({FamilyTest{Family::inet}}, Family::inet).value().empty());
    }
    SUBCASE("what cannot be true leaves no trace in a disjunction") {
        CHECK(compile({Disjunction{{v6, low}}}, Family::inet) == compile(low, Family::inet));
    }
    SUBCASE("not moves inwards") {
        CHECK(compile(opposite(opposite(low)), Family::inet) == compile(low, Family::inet));
        CHECK(compile(opposite(low), Family::inet) ==
              compile({PortTest{Side::local, Comparison::greater, 99}}, Family::inet));
        CHECK(compile(opposite({Conjunction{{low, high}}}), Family::inet) ==
              compile({Disjunction{{opposite(low), opposite(high)}}}, Family::inet));
        CHECK(compile(opposite({Disjunction{{low, high}}}), Family::inet) ==
              compile({Conjunction{{opposite(low), opposite(high)}}}, Family::inet));
        CHECK(compile(opposite(nowhere), Family::inet).value().empty());
        CHECK_FALSE(compile(opposite({Conjunction{}}), Family::inet));
    }
    SUBCASE("what is too long for an attribute narrows nothing") {
        Disjunction ports;
        for (unsigned port = 1; port < 6000; port += 2) {
            const auto number = static_cast<std::uint16_t>(port);
            ports.parts.push_back({PortTest{Side::local, Comparison::equal, number}});
        }
        CHECK(compile({ports}, Family::inet).value().empty());
    }
    SUBCASE("an alternative within an alternative") {
        const Condition flat{Disjunction{{low, high}}};
        const Condition nested{Disjunction{{{Conjunction{{low}}}, {Disjunction{{high}}}}}};
        CHECK(compile(nested, Family::inet) == compile(flat, Family::inet));
    }
}
