// SPDX-License-Identifier: MIT
#include "select.hpp"

#include <doctest/doctest.h>

#include "samples.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

EndpointPattern pattern(std::string_view text) {
    const auto parsed = parse_endpoint_pattern(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}

bool local_fits(std::string_view text, std::string_view address) {
    Selector selector;
    selector.locals = {{pattern(text)}};
    Socket socket = samples::stuck_socket();
    socket.local = samples::endpoint(address, 80);
    return matches_socket(selector, socket);
}

bool cgroup_fits(const std::string& wanted, const std::string& actual) {
    Selector selector;
    selector.cgroups = {{wanted}};
    HeldSocket held = samples::stuck();
    samples::altered(held.holders[0]).cgroup = actual;
    return matches(selector, held);
}

bool unit_fits(const std::string& wanted, const std::string& actual) {
    Selector selector;
    selector.units = {{wanted}};
    HeldSocket held = samples::stuck();
    samples::altered(held.holders[0]).unit = actual;
    return matches(selector, held);
}

}  // namespace

TEST_CASE("nothing but the state is selected by default") {
    HeldSocket held = samples::stuck();
    CHECK(matches({}, held));
    held.holders.clear();
    CHECK(matches({}, held));
    held.socket.state = TcpState::established;
    CHECK_FALSE(matches({}, held));
    Selector all;
    all.states = *states_of_word("all");
    CHECK(matches(all, held));
}

TEST_CASE("addresses match by their leading bits") {
    CHECK(local_fits("10.0.0.1", "10.0.0.1"));
    CHECK_FALSE(local_fits("10.0.0.1", "10.0.0.2"));
    CHECK(local_fits("10.0.0.0/8", "10.255.0.1"));
    CHECK_FALSE(local_fits("10.0.0.0/8", "11.0.0.1"));
    CHECK(local_fits("10.0.0.0/31", "10.0.0.1"));
    CHECK_FALSE(local_fits("10.0.0.0/31", "10.0.0.2"));
    CHECK(local_fits("10.64.0.0/10", "10.127.1.1"));
    CHECK_FALSE(local_fits("10.64.0.0/10", "10.128.1.1"));
    CHECK(local_fits("0.0.0.0/0", "192.0.2.1"));
    CHECK(local_fits("fe80::/10", "febf::1"));
    CHECK_FALSE(local_fits("fe80::/10", "fec0::1"));
    CHECK(local_fits("::/0", "2001:db8::1"));
    CHECK(local_fits("2001:db8::1", "2001:db8::1"));
    CHECK_FALSE(local_fits("2001:db8::1", "2001:db8::2"));
}

TEST_CASE("an IPv4 pattern also matches the mapped form, but never a real IPv6 address") {
    CHECK(local_fits("10.0.0.0/8", "::ffff:10.1.2.3"));
    CHECK_FALSE(local_fits("10.0.0.0/8", "::ffff:11.1.2.3"));
    CHECK(local_fits("0.0.0.0/0", "::ffff:10.1.2.3"));
    CHECK_FALSE(local_fits("0.0.0.0/0", "::1"));
    CHECK_FALSE(local_fits("::/0", "10.0.0.1"));
    CHECK_FALSE(local_fits("10.0.0.1", "a00:1::"));
}

TEST_CASE("ports match on their own side only") {
    Socket socket = samples::stuck_socket();
    Selector selector;
    selector.ports = {{{80, 80}}};
    CHECK(matches_socket(selector, socket));
    selector.peer_ports = {{{80, 80}, {4999, 5000}}};
    CHECK(matches_socket(selector, socket));
    selector.ports = {{{5000, 5000}}};
    CHECK_FALSE(matches_socket(selector, socket));
    selector.ports.clear();
    selector.locals = {{pattern(":80")}};
    selector.peers = {{pattern("10.0.0.9:5000")}};
    CHECK(matches_socket(selector, socket));
    selector.peers = {{pattern("10.0.0.9:80")}};
    CHECK_FALSE(matches_socket(selector, socket));
}

TEST_CASE("within a flag any word will do, between flags all must be met") {
    const HeldSocket held = samples::stuck();
    Selector selector;
    selector.ports = {{{1, 1}, {80, 80}}, {{79, 81}}};
    CHECK(matches(selector, held));
    selector.ports = {{{1, 1}, {80, 80}}, {{81, 81}}};
    CHECK_FALSE(matches(selector, held));
    selector.ports.clear();
    selector.users = {{"root", "www-data"}, {"33"}};
    CHECK(matches(selector, held));
    selector.users = {{"root", "www-data"}, {"34"}};
    CHECK_FALSE(matches(selector, held));
    selector.users.clear();
    selector.inodes = {{99, 100}};
    CHECK(matches(selector, held));
    selector.inodes = {{99, 101}};
    CHECK_FALSE(matches(selector, held));
}

TEST_CASE("a process is selected by what it is") {
    const HeldSocket held = samples::stuck();
    Selector selector;
    selector.pids = {{4711}};
    selector.fds = {{7}};
    selector.processes = {{"^ngi", std::regex{"^ngi"}}};
    selector.users = {{"www-data"}};
    selector.units = {{"nginx"}};
    selector.cgroups = {{"/system.slice"}};
    CHECK(matches(selector, held));
    Selector other = selector;
    other.pids = {{4712}};
    CHECK_FALSE(matches(other, held));
    other = selector;
    other.fds = {{8}};
    CHECK_FALSE(matches(other, held));
    other = selector;
    other.processes.push_back({"x$", std::regex{"x$"}});
    CHECK(matches(other, held));
    other.processes.push_back({"^x", std::regex{"^x"}});
    CHECK_FALSE(matches(other, held));
}

TEST_CASE("one holder must meet it all, and one fd its numbers") {
    HeldSocket held = samples::stuck();
    held.holders.push_back(samples::nginx(4712, 8));
    Selector selector;
    selector.pids = {{4711}};
    selector.fds = {{8}};
    CHECK_FALSE(matches(selector, held));
    held.holders[0].fds.push_back({4711, 8, false, {}});
    CHECK(matches(selector, held));
    selector.fds = {{7}, {8}};
    CHECK_FALSE(matches(selector, held));
    selector.fds = {{7, 8}, {8, 9}};
    CHECK(matches(selector, held));
}

TEST_CASE("a unit may be named without .service") {
    CHECK(unit_fits("nginx.service", "nginx.service"));
    CHECK(unit_fits("nginx", "nginx.service"));
    CHECK(unit_fits("user@1000.service", "user@1000.service"));
    CHECK(unit_fits("session-1.scope", "session-1.scope"));
    CHECK_FALSE(unit_fits("session-1", "session-1.scope"));
    CHECK_FALSE(unit_fits("ngin", "nginx.service"));
    CHECK_FALSE(unit_fits("nginx.serv", "nginx.service"));
    CHECK_FALSE(unit_fits("nginx", ""));
}

TEST_CASE("a cgroup matches itself and what is below it") {
    CHECK(cgroup_fits("/system.slice", "/system.slice"));
    CHECK(cgroup_fits("/system.slice", "/system.slice/nginx.service"));
    CHECK(cgroup_fits("/system.slice/", "/system.slice/nginx.service"));
    CHECK(cgroup_fits("system.slice/nginx.service", "/system.slice/nginx.service"));
    CHECK(cgroup_fits("/", "/anything"));
    CHECK(cgroup_fits("/", "/"));
    CHECK_FALSE(cgroup_fits("/system.slic", "/system.slice"));
    CHECK_FALSE(cgroup_fits("/system.slice/nginx.service", "/system.slice"));
    CHECK_FALSE(cgroup_fits("/nginx.service", "/system.slice/nginx.service"));
    CHECK_FALSE(cgroup_fits("/", ""));
}

TEST_CASE("an unknown idle time never passes a minimum") {
    Selector selector;
    Socket socket = samples::stuck_socket();
    selector.min_idle = std::chrono::hours{1};
    CHECK(matches_socket(selector, socket));
    selector.min_idle += std::chrono::milliseconds{1};
    CHECK_FALSE(matches_socket(selector, socket));
    socket.info.reset();
    selector.min_idle = std::chrono::milliseconds{1};
    CHECK_FALSE(matches_socket(selector, socket));
    selector.min_idle = std::chrono::milliseconds{0};
    CHECK(matches_socket(selector, socket));
}

TEST_CASE("owned and unowned") {
    HeldSocket held = samples::stuck();
    Selector selector;
    selector.owned = true;
    CHECK(matches(selector, held));
    selector.owned = false;
    CHECK_FALSE(matches(selector, held));
    held.holders.clear();
    CHECK(matches(selector, held));
    selector.owned = true;
    CHECK_FALSE(matches(selector, held));
    selector.owned.reset();
    selector.pids = {{4711}};
    CHECK_FALSE(matches(selector, held));
}

TEST_CASE("what a selector needs and whether it selects at all") {
    Selector selector;
    CHECK(selects_everything(selector));
    CHECK_FALSE(needs_holder(selector));
    selector.states = *states_of_word("all");
    selector.min_idle = std::chrono::hours{1};
    CHECK(selects_everything(selector));
    const auto with = [](auto member, auto value) {
        Selector one;
        (one.*member).push_back(std::move(value));
        return one;
    };
    for (const Selector& about_socket :
         {with(&Selector::locals, AnyOf<EndpointPattern>{pattern(":80")}),
          with(&Selector::peers, AnyOf<EndpointPattern>{pattern(":80")}),
          with(&Selector::ports, AnyOf<PortRange>{PortRange{}}),
          with(&Selector::peer_ports, AnyOf<PortRange>{PortRange{}}),
          with(&Selector::inodes, AnyOf<std::uint64_t>{1})}) {
        CHECK_FALSE(selects_everything(about_socket));
        CHECK_FALSE(needs_holder(about_socket));
    }
    Selector unowned;
    unowned.owned = false;
    for (const Selector& about_holder :
         {with(&Selector::pids, AnyOf<pid_t>{1}), with(&Selector::fds, AnyOf<int>{1}),
          with(&Selector::processes, Pattern{"x", std::regex{"x"}}),
          with(&Selector::users, AnyOf<std::string>{"x"}),
          with(&Selector::units, AnyOf<std::string>{"x"}),
          with(&Selector::cgroups, AnyOf<std::string>{"x"}), unowned}) {
        CHECK_FALSE(selects_everything(about_holder));
        CHECK(needs_holder(about_holder));
    }
}

}  // namespace unwait
