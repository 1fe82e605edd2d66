// SPDX-License-Identifier: MIT
#include "explain.hpp"

#include <doctest/doctest.h>

#include <set>

#include "samples.hpp"
#include "vocabulary.hpp"

namespace unwait {

using samples::diagnosed;
using samples::stuck;

TEST_CASE("every cause has its own advice") {
    std::set<std::string_view> told;
    for (unsigned number = 0; number <= static_cast<unsigned>(Cause::unknown); ++number) {
        const auto cause = static_cast<Cause>(number);
        CAPTURE(word(cause));
        CHECK(told.insert(advice_for(cause)).second);
    }
}

TEST_CASE("every action is told of, whether it is possible or not") {
    const Finding finding = diagnosed(stuck());
    Explanation explanation = explain(finding, Policy{}, samples::self());
    REQUIRE(explanation.actions.size() == 6);
    for (const ActionView& view : explanation.actions) CHECK(view.possible);
    CHECK(explanation.plan.starts_with("shutdown, then close if that was not enough: "));

    HeldSocket held = stuck();
    held.holders.clear();
    explanation = explain(diagnosed(held), Policy{}, samples::self());
    for (const ActionView& view : explanation.actions) {
        CHECK(view.possible == (view.action == Action::destroy));
    }
    CHECK(explanation.plan.starts_with("leave it alone (no-holder): "));
    CHECK(explanation.plan.ends_with("; included by --actions destroy"));

    held = stuck();
    held.socket.id.cookie = samples::self().own_connections.front();
    for (const ActionView& view : explain(diagnosed(held), Policy{}, samples::self()).actions) {
        CHECK_FALSE(view.possible);
        CHECK(view.text == "it carries the session that unwait runs in");
    }
}

TEST_CASE("a holder's sockets are counted by port, whatever was selected") {
    std::vector<HeldSocket> all(5, stuck());
    all[1].socket.local.port = 443;
    all[2].socket.local.port = 443;
    all[3].holders = {samples::nginx(4712)};
    all[4].holders.clear();
    const auto shares = FdShares(all).of(diagnosed(all[0]));
    REQUIRE(shares.size() == 1);
    CHECK(shares[0].pid == 4711);
    CHECK(shares[0].sockets == 3);
    using Ports = std::vector<PortShare>;
    CHECK(shares[0].ports == Ports{{443, 2}, {80, 1}});
}

TEST_CASE("of a client, which has a port for each of its sockets, only some ports are told") {
    std::vector<HeldSocket> all(100, stuck());
    for (std::uint16_t at = 1; at < all.size(); ++at) all[at].socket.local.port = 40'000 + at / 2;
    const auto shares = FdShares(all).of(diagnosed(all[0]));
    REQUIRE(shares.size() == 1);
    CHECK(shares[0].sockets == 100);
    CHECK(shares[0].ports.size() == 16);
    CHECK(shares[0].ports.front() == PortShare{40'001, 2});
}

TEST_CASE("what was observed is said in a sentence") {
    Observation observation;
    observation.duration = std::chrono::seconds{5};
    observation.looks = 500;
    const auto sentence = [&] {
        conclude(observation, diagnosed(stuck()));
        return observation.text;
    };
    CHECK(sentence() ==
          "watched for 5s: in 500 looks no thread was in a call on it, and nothing was read or "
          "written: the application does not touch it");
    CHECK_FALSE(observation.touched());
    observation.read_end = true;
    CHECK(sentence() == "watched for 5s: the end of file was read");
    CHECK(observation.touched());
    observation.read_end = false;
    observation.calls = {{"poll", 7}};
    observation.written = 1;
    observation.received = 2;
    CHECK(sentence() ==
          "watched for 5s: a thread was in poll on it in 7 of 500 looks and 1 byte was written; "
          "2 bytes came from the peer");
    observation.calls.clear();
    observation.written = observation.received = 0;
    observation.traced.emplace();
    CHECK(sentence() ==
          "watched for 5s: in 500 looks no thread was in a call on it, and nothing was read or "
          "written, nor was any other call made with its fd: the application does not touch it");
    CHECK_FALSE(observation.touched());
    observation.traced = {{"fcntl", 1}, {"ioctl", 12}};
    CHECK(sentence() ==
          "watched for 5s: it called fcntl on it 1 time and it called ioctl on it 12 times");
    CHECK(observation.touched());
    observation.traced.reset();
    observation.not_traced = "the kernel has no bpf(2)";
    CHECK(sentence().ends_with("; its calls were not counted: the kernel has no bpf(2)"));
    observation.is_gone = true;
    CHECK(sentence() == "watched for 5s: the application closed it meanwhile");
}

}  // namespace unwait
