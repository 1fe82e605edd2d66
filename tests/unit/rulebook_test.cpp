// SPDX-License-Identifier: MIT
#include "unwait/rulebook.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "policy_file.hpp"
#include "samples.hpp"

using namespace unwait;

namespace {

constexpr std::uint64_t blue = 7;

/// A policy whose first rule denies what matches, and whose second allows the rest.
Rulebook denying(const std::string& match) {
    return cli::read_policy(R"({"policy_version": 1, "rules": [{"match": {)" + match +
                            R"(}, "deny": "no"}, {"match": {}}]})");
}

/// The stuck socket in the namespace blue, bound to its device 3 with a mark.
Finding finding() {
    HeldSocket held = samples::stuck();
    held.socket.id.netns = blue;
    held.socket.interface = 3;
    held.socket.mark = 0x12;
    held.socket.cgroup_id = 55;
    return samples::diagnosed(held);
}

PolicyFacts facts() {
    PolicyFacts facts;
    facts.networks = {{"self", 1}, {"blue", blue}};
    FilterNames& names = facts.names[blue];
    names.devices = {{"eth0", 3}, {"eth1", 4}, {"gone0", std::nullopt}};
    names.cgroups = {{"/api", 55}, {"/db", 56}, {"/gone", std::nullopt}};
    names.automatic_ports = PortRange{80, 80};
    facts.autobound = {{finding().socket.id.cookie, true}};
    return facts;
}

bool denies(const std::string& match, const Finding& about, const PolicyFacts& known) {
    return rule_on(denying(match), about, known).denial == "no";
}

bool denies(const std::string& match) { return denies(match, finding(), facts()); }

std::string doubt(const std::string& match, const Finding& about, const PolicyFacts& known) {
    return rule_on(denying(match), about, known).denial.value_or("allowed");
}

}  // namespace

TEST_CASE("a rule about network namespaces") {
    CHECK(denies(R"("netns": "blue")"));
    CHECK(denies(R"("netns": ["self", "blue"], "port": 80)"));
    CHECK_FALSE(denies(R"("netns": "self")"));
    CHECK_FALSE(denies(R"("netns": "green")"));
    CHECK_FALSE(denies(R"("netns": "blue", "port": 81)"));
}

TEST_CASE("a rule with a filter") {
    for (const char* filter :
         {"sport = :80 and dst 10.0.0.0/24", "dev eth0", "dev != eth1", "dev != gone0",
          "cgroup /api", "cgroup != /gone", "fwmark 0x12", "autobound", "state close-wait",
          "state close-wait and not ( dev eth1 or cgroup /db )"}) {
        CAPTURE(filter);
        CHECK(denies("\"filter\": \"" + std::string(filter) + "\""));
    }
    for (const char* filter :
         {"sport = :81", "dev eth1", "dev gone0", "cgroup /db", "cgroup /gone", "fwmark 0x13",
          "not autobound", "state established", "exclude close-wait", "sport = :80 and dev eth1"}) {
        CAPTURE(filter);
        CHECK_FALSE(denies("\"filter\": \"" + std::string(filter) + "\""));
    }
    CHECK_FALSE(denies(R"("filter": "sport = :80", "process": "^apache$")"));
}

TEST_CASE("what a filter asks for and nobody knows denies") {
    Finding untold = finding();
    untold.socket.mark.reset();
    CHECK(doubt(R"("filter": "fwmark 1 or sport = :1")", untold, facts()).find("its mark") !=
          std::string::npos);
    CHECK(doubt(R"-("filter": "not ( fwmark 1 )")-", untold, facts()).find("its mark") !=
          std::string::npos);
    CHECK(doubt(R"("filter": "fwmark 1", "port": 81)", untold, facts()) == "allowed");
    CHECK(doubt(R"("filter": "fwmark 1", "netns": "self")", untold, facts()) == "allowed");
    CHECK(doubt(R"("filter": "dev eth0")", untold, facts()) == "no");

    untold.socket.cgroup_id.reset();
    CHECK(doubt(R"("filter": "cgroup /db")", untold, facts()).find("the cgroup") !=
          std::string::npos);
    PolicyFacts few = facts();
    few.autobound.clear();
    CHECK(doubt(R"("filter": "autobound")", finding(), few).find("a bind()") != std::string::npos);
    few.names.clear();
    CHECK(doubt(R"("filter": "dev eth1")", finding(), few).find("has gone") != std::string::npos);
    CHECK(doubt(R"("filter": "sport = :81")", finding(), few) == "allowed");

    HeldSocket dead = samples::stuck();
    dead.socket.state = TcpState::closed;
    dead.socket.id.netns = blue;
    CHECK(doubt(R"("filter": "dev eth1")", samples::diagnosed(dead), facts()).find("the device") !=
          std::string::npos);
}

TEST_CASE("a rule about idle sockets passes the others on") {
    CHECK(denies(R"("min-idle": "1h")"));
    CHECK_FALSE(denies(R"("min-idle": "2h")"));
    Finding untold = finding();
    untold.socket.info.reset();
    CHECK_FALSE(denies(R"("min-idle": "1s")", untold, facts()));
}

TEST_CASE("the reasoning names the part that does not match") {
    const auto first_of = [](const std::string& match) {
        return reasoning_on(denying(match), finding(), facts()).front();
    };
    CHECK(first_of(R"("port": 80, "netns": "green")") == "rule 1: netns does not match");
    CHECK(first_of(R"("filter": "sport = :81", "port": 80)") == "rule 1: filter does not match");
    CHECK(first_of(R"("min-idle": "2h")") == "rule 1: min-idle does not match");
    CHECK(first_of(R"("netns": "blue")") == "rule 1 denies it: no");
}
