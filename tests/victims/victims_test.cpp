// SPDX-License-Identifier: MIT
// The victims themselves: each is what it says it is.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "victim.hpp"

using unwait::test::Victim;

TEST_CASE("a victim holds the socket that its ready line tells") {
    for (const std::string family : {"v4", "v6", "v4mapped"}) {
        CAPTURE(family);
        Victim victim({"close-wait", "family=" + family, "count=3", "unread=7"});
        const auto fds = victim.fds();
        const auto inodes = victim.numbers("inodes");
        std::size_t i = 0;
        for (const auto fd : victim.numbers("fds")) {
            CHECK(fds.at(static_cast<int>(fd)) == inodes.at(i++));
        }
        CHECK(i == 3);
        CHECK(victim.ask_number("errors") == 0);
        CHECK(WEXITSTATUS(victim.end()) == 0);
    }
}

TEST_CASE("a victim that cannot be what it should is an error that says how to repeat it") {
    try {
        const Victim victim({"no-such-scenario"});
        FAIL("it began");
    } catch (const std::runtime_error& error) {
        CHECK(std::string(error.what()).find("'no-such-scenario'") != std::string::npos);
    }
}

TEST_CASE("a question that no scenario knows is an error") {
    Victim victim({"close-wait"});
    CHECK_THROWS_AS(victim.ask("how-are-you"), std::runtime_error);
    CHECK(victim.alive());
}

TEST_CASE("a closed number is missing from the answer") {
    Victim victim({"several-fds", "duplicates=1"});
    auto before = victim.fds();
    CHECK(victim.ask("close " + victim.fact("fd")) == "0");
    before.erase(victim.fd());
    CHECK(victim.fds() == before);
}
