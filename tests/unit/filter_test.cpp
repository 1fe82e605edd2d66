// SPDX-License-Identifier: MIT
#include "filter.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <variant>

#include "filter_text.hpp"
#include "select.hpp"
#include "text.hpp"

using namespace unwait;

namespace {

Filter read(std::string_view text) { return std::get<Filter>(parse_filter(text, Services())); }

/// In a namespace where eth0 is device 3, and ports from 32768 to 60999 are automatic.
Condition condition(std::string_view text) {
    const Filter filter = read(text);
    FilterNames names = names_in({&filter, 1});
    for (auto& [name, index] : names.devices) {
        if (name == "eth0") index = 3;
    }
    for (auto& [path, id] : names.cgroups) id = path.size();
    if (names.automatic_ports) names.automatic_ports = PortRange{32768, 60999};
    return looked_up(*filter.condition, names);
}

Socket socket_at(std::string_view local, std::uint16_t port) {
    Socket socket;
    socket.local = {parse_address(local).value(), port};
    socket.peer = {parse_address("10.0.0.9").value(), 443};
    socket.family = socket.local.address.family;
    return socket;
}

}  // namespace

TEST_CASE("a condition on a socket") {
    Socket socket = socket_at("10.1.2.3", 40000);
    socket.interface = 3;
    socket.mark = 0x12;
    socket.cgroup_id = 2;
    socket.autobound = true;
    for (const char* text :
         {"src 10/8", "src 10.1.2.3:40000", "dst :443", "sport > 32767 and sport < 60000",
          "sport >= 40000 sport <= 40000", "dport != 80", "dev eth0", "fwmark 0x12", "fwmark 2/0xf",
          "cgroup /a", "autobound", "src inet:*", "not sport = 1", "sport = 1 or dport = 443",
          "not ( sport = 40000 and dport = 1 )"}) {
        CAPTURE(text);
        CHECK(meets(condition(text), socket));
    }
    for (const char* text :
         {"src 11/8", "dst :80", "sport < 40000", "sport > 40000", "sport = 1", "sport != 40000",
          "dev eth1", "dev != eth0", "fwmark 0x13", "cgroup /ab", "not autobound", "src inet6:*",
          "src [::]/0", "sport = 1 or dport = 1", "not ( sport = 40000 and dport = 443 )"}) {
        CAPTURE(text);
        CHECK_FALSE(meets(condition(text), socket));
    }
}

TEST_CASE("what is not told counts as the kernel's filter takes it") {
    const Socket socket = socket_at("10.1.2.3", 40000);
    CHECK(meets(condition("fwmark 0"), socket));
    CHECK_FALSE(meets(condition("fwmark 1"), socket));
    CHECK_FALSE(meets(condition("cgroup /a"), socket));
    CHECK_FALSE(meets(condition("autobound"), socket));
}

TEST_CASE("an automatic port was not named, and is one of the automatic ports") {
    Socket socket = socket_at("10.1.2.3", 8080);
    socket.autobound = true;  // the kernel says that of what a listener accepts
    CHECK_FALSE(meets(condition("autobound"), socket));
    CHECK(meets(condition("not autobound"), socket));
}

TEST_CASE("a device that a namespace lacks is bound by nobody") {
    const Socket socket = socket_at("10.1.2.3", 1);
    CHECK_FALSE(meets(condition("dev eth7"), socket));
    CHECK(meets(condition("not dev eth7"), socket));
}

TEST_CASE("an IPv4 address means its mapped form too") {
    CHECK(meets(condition("src 10/8"), socket_at("::ffff:10.1.2.3", 1)));
    CHECK_FALSE(meets(condition("src inet:10.1.2.3"), socket_at("::ffff:10.1.2.3", 1)));
    CHECK(meets(condition("src [::ffff:10.1.2.3]"), socket_at("::ffff:10.1.2.3", 1)));
    CHECK_FALSE(meets(condition("src [::ffff:10.1.2.3]"), socket_at("10.1.2.3", 1)));
}

TEST_CASE("names are asked for once") {
    const Filter filters[] = {read("dev a or not ( dev b and cgroup /c )"), read("dev a"),
                              read("state all")};
    const FilterNames names = names_in(filters);
    CHECK(names.devices.size() == 2);
    CHECK(names.cgroups.size() == 1);
    CHECK_FALSE(names.automatic_ports);
    const Filter autobound = read("not autobound");
    CHECK(names_in({&autobound, 1}).automatic_ports);
}

TEST_CASE("a filter with a condition selects, one with states alone does not") {
    Selector selector;
    CHECK(selects_everything(selector));
    selector.filters = {read("state all")};
    CHECK(selects_everything(selector));
    selector.filters.push_back(read("sport = 1"));
    CHECK_FALSE(selects_everything(selector));
    CHECK_FALSE(needs_holder(selector));
}
