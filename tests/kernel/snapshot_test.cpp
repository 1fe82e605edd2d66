// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "unwait/take_snapshot.hpp"
#include "victim.hpp"

namespace unwait::test {
namespace {

using Clock = std::chrono::steady_clock;

bool is_seen_sending(const Selector& selector, const Victim& victim) {
    const Snapshot snapshot = take_snapshot(selector, false);
    const auto inode = victim.number("inode");
    const auto held = std::ranges::find_if(snapshot.sockets, [inode](const HeldSocket& each) {
        return each.socket.id.inode == inode;
    });
    REQUIRE(held != snapshot.sockets.end());
    return held->sending;
}

Selector held_by(const Victim& victim) {
    Selector selector;
    selector.pids = {{victim.pid()}};
    return selector;
}

TEST_CASE("a Send-Q that moves is told from one that does not") {
    const Victim sender({"half-close-sender"});
    const Victim blocked({"blocked-writer"});
    // Both threads of the sender must have had a turn between the two looks.
    const auto deadline = Clock::now() + std::chrono::seconds(60);
    while (!is_seen_sending(held_by(sender), sender)) REQUIRE(Clock::now() < deadline);
    CHECK_FALSE(is_seen_sending(held_by(blocked), blocked));
}

TEST_CASE("a Send-Q that nobody asked about is not waited for") {
    const Victim sender({"half-close-sender"});
    const Victim other({"blocked-writer"});
    for (int i = 0; i < 3; ++i) CHECK_FALSE(is_seen_sending(held_by(other), sender));
}

}  // namespace
}  // namespace unwait::test
