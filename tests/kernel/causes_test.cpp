// SPDX-License-Identifier: MIT
// Every reason for which a socket stays, made by a victim and named by the diagnosis.
#include <doctest/doctest.h>

#include <algorithm>
#include <list>
#include <string>
#include <vector>

#include "hitting.hpp"
#include "unwait/diagnose.hpp"
#include "unwait/take_snapshot.hpp"
#include "victim.hpp"
#include "vocabulary.hpp"

namespace unwait::test {
namespace {

struct Scenario {
    std::vector<std::string> words;
    Cause cause;
    std::string_view evidence;  ///< a code that it comes with
};

const std::vector<Scenario>& scenarios() {
    using namespace evidence_code;
    static const std::vector<Scenario> all = {
        {{"close-wait"}, Cause::leaked, all_read},
        {{"close-wait", "fin=unread"}, Cause::not_reading, fin_unread},
        {{"close-wait", "unread=100"}, Cause::not_reading, data_unread},
        {{"several-fds"}, Cause::leaked, several_fds},
        {{"half-close-sender"}, Cause::still_sending, still_sending},
        {{"blocked-writer"}, Cause::leaked, blocked_thread},
        {{"shared-by-fork"}, Cause::shared_after_fork, mistaken_holder},
        {{"clone-files"}, Cause::leaked, one_fd_table},
        {{"private-fd-table"}, Cause::private_fd_table, private_fd_table},
        {{"zombie-leader"}, Cause::zombie_leader, zombie_leader},
        {{"other-netns"}, Cause::other_netns, other_netns},
        {{"backlog"}, Cause::in_backlog, acceptor},
        {{"in-flight"}, Cause::in_flight, in_flight},
        {{"in-io-uring"}, Cause::in_io_uring, registered},
        {{"pinned"}, Cause::pinned_by_thread, pinned},
        {{"mapped"}, Cause::kernel_socket, mapped},
    };
    return all;
}

/// All CLOSE-WAIT sockets of the machine.
std::vector<Finding> look(const Selector& selector = {}) {
    return diagnose(take_snapshot(selector, true), selector, std::chrono::milliseconds{0});
}

const Finding* find(const std::vector<Finding>& findings, const Victim& victim) {
    const auto port = victim.number("port");
    const auto found = std::ranges::find_if(
        findings, [port](const Finding& finding) { return finding.socket.local.port == port; });
    return found == findings.end() ? nullptr : &*found;
}

bool has(const Finding& finding, std::string_view code) {
    return std::ranges::find(finding.evidence, code, &Evidence::code) != finding.evidence.end();
}

std::string text(const Finding& finding, std::string_view code) {
    const auto found = std::ranges::find(finding.evidence, code, &Evidence::code);
    return found == finding.evidence.end() ? std::string() : found->text.str();
}

std::string named(std::uint64_t pid) { return "pid " + std::to_string(pid) + " (victim)"; }

Finding only_finding(const Victim& victim) {
    Selector selector;
    const auto port = static_cast<std::uint16_t>(victim.number("port"));
    selector.ports = {{PortRange{port, port}}};
    const auto findings = look(selector);
    REQUIRE(findings.size() == 1);
    return findings.front();
}

TEST_CASE("every cause is named, also where all of them are at once") {
    std::list<Victim> victims;
    for (const Scenario& scenario : scenarios()) victims.emplace_back(scenario.words);
    const auto findings = look();
    auto victim = victims.begin();
    for (const Scenario& scenario : scenarios()) {
        CAPTURE(victim->repeat_command());
        const Finding* finding = find(findings, *victim++);
        REQUIRE(finding != nullptr);
        CHECK(word(finding->cause) == word(scenario.cause));
        CHECK(has(*finding, scenario.evidence));
    }
}

TEST_CASE("every cause is named where there is no other") {
    for (const Scenario& scenario : scenarios()) {
        const Victim victim(scenario.words);
        CAPTURE(victim.repeat_command());
        const Finding finding = only_finding(victim);
        CHECK(word(finding.cause) == word(scenario.cause));
        CHECK(has(finding, scenario.evidence));
    }
}

TEST_CASE("a socket in flight is still received, and only once") {
    Victim victim({"in-flight"});
    CHECK(text(only_finding(victim), evidence_code::in_flight)
              .starts_with("it is on its way inside the unix socket at fd " +
                           victim.fact("carrier") + " of " + named(victim.number("pid"))));
    const int received = static_cast<int>(victim.ask_number("receive"));
    CHECK(victim.fds().at(received) == victim.number("inode"));
    CHECK(word(only_finding(victim).cause) == "leaked");
}

TEST_CASE("what carries other fds is not blamed") {
    const Victim carrier({"in-flight"});
    const Victim mapped({"mapped"});
    CHECK(only_finding(mapped).cause == Cause::kernel_socket);
    CHECK_FALSE(has(only_finding(mapped), evidence_code::in_flight));
}

TEST_CASE("those who should accept are named, with what they do instead") {
    Victim victim({"backlog", "count=3"});
    Selector selector;
    const auto port = static_cast<std::uint16_t>(victim.number("port"));
    selector.ports = {{PortRange{port, port}}};
    const auto findings = look(selector);
    REQUIRE(findings.size() == 3);
    CHECK(text(findings[0], evidence_code::backlog)
              .ends_with(std::to_string(port) + " has 3 of 4096 waiting for accept()"));
    std::string acceptor = text(findings[0], evidence_code::acceptor);
    CHECK(acceptor.starts_with(named(victim.number("pid")) + " should accept it by fd " +
                               victim.fact("listen_fd") + "; thread "));
    // Having told of itself it goes on to read what it is asked.
    CHECK(eventually([&] {
        acceptor = text(look(selector).at(0), evidence_code::acceptor);
        return acceptor.ends_with(" is blocked in read on fd 0");
    }));
}

TEST_CASE("of listeners that share a port, those with an empty queue are not blamed") {
    const Victim victim({"backlog", "group=3"});
    const Finding finding = only_finding(victim);
    CHECK(finding.cause == Cause::in_backlog);
    CHECK(text(finding, evidence_code::backlog).find("3 listeners share the port") !=
          std::string::npos);
    CHECK(std::ranges::count(finding.evidence, evidence_code::acceptor, &Evidence::code) == 1);
}

TEST_CASE("of holders after a fork, the one that looks mistaken is named") {
    SUBCASE("the parent, when its children may serve the connection") {
        const Victim victim({"shared-by-fork"});
        CHECK(text(only_finding(victim), evidence_code::mistaken_holder)
                  .starts_with(named(victim.number("pid")) + " looks mistaken: it is the parent"));
    }
    SUBCASE("a child that does nothing with it, while the parent waits for it") {
        const Victim victim({"shared-by-fork", "children=1", "waits=parent"});
        const std::string child = named(victim.number("children"));
        CHECK(text(only_finding(victim), evidence_code::mistaken_holder)
                  .starts_with(child + " looks mistaken: nothing shows that it uses the socket"));
    }
    SUBCASE("a child that runs another program") {
        const Victim victim({"shared-by-fork", "children=1", "exec=1"});
        CHECK(text(only_finding(victim), evidence_code::mistaken_holder)
                  .find("looks mistaken: it runs another program than its parent") !=
              std::string::npos);
    }
    SUBCASE("a child that was born when the peer had long been silent") {
        const Victim victim({"shared-by-fork", "children=1", "late=1"});
        CHECK(text(only_finding(victim), evidence_code::mistaken_holder)
                  .starts_with(named(victim.number("children")) +
                               " looks mistaken: it was forked after the peer had gone silent"));
    }
}

}  // namespace
}  // namespace unwait::test
