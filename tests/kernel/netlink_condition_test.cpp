// SPDX-License-Identifier: MIT
// The kernel's answer to a filter expression against our own evaluation of it.
#include <doctest/doctest.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "filter.hpp"
#include "filter_names.hpp"
#include "filter_text.hpp"
#include "loopback.hpp"
#include "scan.hpp"
#include "sock_diag.hpp"
#include "unwait/error.hpp"

using namespace unwait;
using namespace unwait::testing;
using netlink::DumpRequest;
using netlink::SockDiag;

namespace {

constexpr StateMask every_state = ~StateMask{0};

void set_mark(const sys::Fd& fd, unsigned mark) {
    REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0);
}

void bind_to_loopback_device(const sys::Fd& fd) {
    REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) == 0);
}

/// Sockets of every flavour that differ in all that a filter can ask for.
struct Variety {
    std::vector<Listener> listeners;
    std::vector<Connection> connections;
    std::vector<std::uint16_t> ports;

    Variety() {
        unsigned mark = 0;
        for (const char* at : {"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1", "::ffff:127.0.0.1",
                               "::ffff:127.1.2.3"}) {
            listeners.push_back(listen_on(address(at)));
            set_mark(listeners.back().fd, mark);
            connections.push_back(connect_pair(listeners.back()));
            set_mark(connections.back().client, ++mark);
            bind_to_loopback_device(connections.back().client);
            connections.push_back(connect_pair(listeners.back()));
            set_mark(connections.back().server, 0x10 * mark);
            bind_to_loopback_device(connections.back().server);
            leave(connections.back());
        }
        for (const char* at : {"0.0.0.0", "::", "10.1.2.3", "10.129.2.3", "fd00:1::5", "fd00:2::5",
                               "::ffff:10.1.2.3", "::ffff:0.0.0.0"}) {
            listeners.push_back(listen_on(address(at)));
            set_mark(listeners.back().fd, ++mark);
        }
        for (const int port : {1, 2, 80, 443, 8080, 65534, 65535}) {
            listeners.push_back(listen_on(address("::"), static_cast<std::uint16_t>(port)));
        }
        for (const Listener& listener : listeners) ports.push_back(listener.endpoint.port);
        for (const Connection& connection : connections) {
            ports.push_back(local_of(connection.client).port);
        }
    }
};

/// Draws expressions over the values of a variety, as text.
class Draw {
public:
    explicit Draw(const Variety& variety) : variety_(variety) {}

    std::string expression(unsigned depth = 0) {
        const std::size_t kind = below(depth < 4 ? 10 : 5);
        if (kind < 5) return predicate();
        if (kind < 7) return pick({"not ", "! ", "!"}) + group(depth);
        std::string text = operand(depth);
        for (std::size_t more = 1 + below(3); more > 0; --more) {
            text += pick({" and ", " & ", "&&", " ", " or ", " || ", "|"}) + operand(depth);
        }
        return text;
    }

private:
    std::size_t below(std::size_t limit) { return random_() % limit; }

    std::string pick(const std::vector<std::string>& words) { return words[below(words.size())]; }

    std::string group(unsigned depth) { return "( " + expression(depth + 1) + " )"; }

    std::string operand(unsigned depth) { return below(2) == 0 ? group(depth) : predicate(); }

    std::string port() {
        if (below(8) == 0) return pick({"0", "1", "65535", "http", "0x50"});
        return std::to_string(variety_.ports[below(variety_.ports.size())]);
    }

    std::string host() {
        const std::string any_port = below(4) == 0 ? ":" + port() : "";
        switch (below(4)) {
            case 0:
                return pick({"127.0.0.1", "127.1.2.3", "10.1.2.3", "0.0.0.0"}) + any_port;
            case 1:
                return pick({"127/8", "10.0.0.0/9", "10/255.0.0.0", "0.0.0.0/0", "*", "inet:*"}) +
                       any_port;
            case 2:
                return pick({"[::1]", "[fd00::/8]", "[fd00:1::5]", "[::ffff:127.0.0.1]", "[::]",
                             "[::ffff:0.0.0.0]/96", "[::]/0", "inet6:[::1]"}) +
                       any_port;
            default:
                return ":" + port();
        }
    }

    std::string predicate() {
        switch (below(8)) {
            case 0:
                return pick({"src ", "dst ", "src = ", "dst != "}) + host();
            case 1:
                return pick({"dev lo", "dev != lo", "dev 1", "dev 0", "dev = 7", "dev nosuch"});
            case 2:
                return "fwmark " + pick({"1", "0x10", "0/0xf", "0x3/0x3", "= 0", "!= 0", "16/240"});
            case 3:
                return pick({"cgroup = /", "cgroup != /"});
            case 4:
                return "autobound";
            default:
                return pick({"sport ", "dport "}) +
                       pick({"", "= :", "!= ", "< :", "> ", "<= :", ">= ", "le ", "ne :", "gt :"}) +
                       port();
        }
    }

    const Variety& variety_;
    std::mt19937 random_{20240229};  // the same draws in every run
};

Condition parsed(const std::string& text) {
    const auto filter = parse_filter(text, Services("http 80/tcp\n"));
    REQUIRE_MESSAGE(std::holds_alternative<Filter>(filter), text);
    const Filter& good = std::get<Filter>(filter);
    return looked_up(good.condition.value(), look_up(names_in({&good, 1})));
}

DumpRequest request_for(Condition condition) {
    DumpRequest request;
    request.states = every_state;
    request.conditions.push_back(std::move(condition));
    return request;
}

std::vector<std::uint64_t> cookies_of(const std::vector<Socket>& sockets) {
    std::vector<std::uint64_t> cookies;
    for (const Socket& socket : sockets) cookies.push_back(socket.id.cookie);
    return cookies;
}

std::vector<std::uint64_t> met_by(const std::vector<Socket>& sockets, const Condition& condition) {
    std::vector<Socket> met;
    std::ranges::copy_if(sockets, std::back_inserter(met),
                         [&](const Socket& socket) { return meets(condition, socket); });
    return cookies_of(met);
}

/// Every socket, with all that the kernel tells of it.
std::vector<Socket> everything(SockDiag& diag) {
    return diag.dump(request_for(parsed("autobound or not autobound"))).sockets;
}

/// How many of the ports are asked for one by one: more than a program can hold.
std::string long_expression(const std::vector<std::uint16_t>& ports) {
    std::string text = "sport = :0";
    for (int round = 0; round < 200; ++round) {
        for (const std::uint16_t port : ports) text += " or sport = :" + std::to_string(port);
    }
    return text;
}

}  // namespace

TEST_CASE("the kernel and our evaluation agree on every expression") {
    in_own_network([] {
        const Variety variety;
        SockDiag diag = SockDiag::open();
        Draw draw(variety);
        const auto all = everything(diag);
        REQUIRE(all.size() == variety.listeners.size() + 2 * variety.connections.size());
        std::size_t some = 0;
        for (int round = 0; round < 1500; ++round) {
            const std::string text = draw.expression();
            CAPTURE(text);
            const Condition condition = parsed(text);
            const auto expected = met_by(all, condition);
            CHECK(cookies_of(diag.dump(request_for(condition)).sockets) == expected);
            some += !expected.empty() && expected.size() < all.size() ? 1U : 0U;
        }
        CHECK(some > 700);  // the draws are neither all too narrow nor all too wide
    });
}

TEST_CASE("an expression too long for the kernel is evaluated afterwards") {
    in_own_network([] {
        const Variety variety;
        SockDiag diag = SockDiag::open();
        const auto all = everything(diag);
        const Condition condition = parsed(long_expression(variety.ports) + " or autobound");
        const auto dumped = diag.dump(request_for(condition)).sockets;
        CHECK(cookies_of(dumped) == cookies_of(all));  // nothing was narrowed
        CHECK(met_by(dumped, condition) == met_by(all, condition));

        const Condition negated = parsed("not ( " + long_expression(variety.ports) + " )");
        CHECK(met_by(diag.dump(request_for(negated)).sockets, negated).empty());
    });
}

TEST_CASE("the kernel counts what bind() named") {
    in_own_network([] {
        const Listener listener = listen_on(address("127.0.0.1"), 8080);
        const Connection connection = connect_pair(listener);
        SockDiag diag = SockDiag::open();
        const Condition automatic = parsed("autobound");
        const auto found = met_by(diag.dump(request_for(automatic)).sockets, automatic);
        // Not the listener, and neither the socket it accepted: 8080 is no automatic port.
        CHECK(found == std::vector{cookie_of(connection.client)});
    });
}

TEST_CASE("marks and cgroups come with the answer") {
    in_own_network([] {
        const Listener listener = listen_on(address("127.0.0.1"));
        set_mark(listener.fd, 0xabcd1234);
        const auto sockets = everything(*std::make_unique<SockDiag>(SockDiag::open()));
        REQUIRE(sockets.size() == 1);
        CHECK(sockets.front().mark == 0xabcd1234);
        CHECK(sockets.front().cgroup_id.has_value());
        CHECK(met_by(sockets, parsed("fwmark 0xabcd1234")).size() == 1);
        CHECK(met_by(sockets, parsed("fwmark 0x1200/0xff00")).size() == 1);
        CHECK(met_by(sockets, parsed("fwmark 0x1200/0xffff")).empty());
    });
}

TEST_CASE("without CAP_NET_ADMIN a mark is an error, not a wrong answer") {
    const auto ask = [](const std::string& text) {
        const Listener listener = listen_on(address("127.0.0.1"));
        SockDiag diag = SockDiag::open();
        const Condition condition = parsed(text);
        become_nobody();
        try {
            static_cast<void>(diag.dump(request_for(condition)));
        } catch (const Error& error) {
            const bool told = std::string(error.what()).find("CAP_NET_ADMIN") != std::string::npos;
            return error.number() == EPERM && told ? 1 : 2;
        }
        return 0;
    };
    CHECK(in_child([&] { return ask("fwmark 0"); }) == 1);
    CHECK(in_child([&] { return ask("not fwmark 3 or sport = :1"); }) == 1);
    std::vector<std::uint16_t> ports(100);
    std::iota(ports.begin(), ports.end(), std::uint16_t{1});
    CHECK(in_child([&] { return ask(long_expression(ports) + " or fwmark 1"); }) == 1);
    CHECK(in_child([&] { return ask("sport = :1"); }) == 0);
}

TEST_CASE("names of devices belong to a network namespace") {
    in_own_network([] {
        FilterNames names;
        names.devices = {{"lo", {}}, {"1", {}}, {"0", {}}, {"nosuch", {}}, {"4294967296", {}}};
        names = look_up(std::move(names));
        CHECK(names.devices.at("lo") == ::if_nametoindex("lo"));
        CHECK(names.devices.at("1") == 1U);
        CHECK(names.devices.at("0") == 0U);
        CHECK(names.devices.at("nosuch") == std::nullopt);
        CHECK(names.devices.at("4294967296") == std::nullopt);
        CHECK_THROWS_WITH_AS(require_names({&names, 1}), doctest::Contains("dev 42949"), Error);
    });
}

TEST_CASE("a cgroup is named by its path with or without the mount") {
    FilterNames names;
    names.cgroups = {{"/", {}}};
    CHECK(look_up(names).cgroups.at("/").value() > 0);
    names.cgroups = {{"/no/such/cgroup", {}}};
    names = look_up(std::move(names));
    CHECK(names.cgroups.at("/no/such/cgroup") == std::nullopt);
    CHECK_THROWS_WITH_AS(require_names({&names, 1}), doctest::Contains("/no/such/cgroup"), Error);
}
