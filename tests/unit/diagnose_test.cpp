// SPDX-License-Identifier: MIT
#include "unwait/diagnose.hpp"

#include <doctest/doctest.h>

#include "samples.hpp"
#include "vocabulary.hpp"

namespace unwait {

using samples::diagnosed;
using samples::evidence_text;
using samples::has_evidence;
using samples::stuck;

TEST_CASE("a socket that was read and is not closed is leaked") {
    const Finding finding = diagnosed(stuck());
    CHECK(finding.verdict == Verdict::stuck);
    CHECK(finding.cause == Cause::leaked);
    CHECK(has_evidence(finding, evidence_code::all_read));
    CHECK(evidence_text(finding, evidence_code::idle) == "nothing came from the peer for 1h");
    CHECK(finding.socket == stuck().socket);
    CHECK(finding.holders == stuck().holders);
}

TEST_CASE("Recv-Q tells whether the holder still reads") {
    HeldSocket held = stuck();
    held.socket.recv_queue = 1;
    Finding finding = diagnosed(held);
    CHECK(finding.cause == Cause::not_reading);
    CHECK(finding.verdict == Verdict::stuck);
    CHECK(has_evidence(finding, evidence_code::fin_unread));
    CHECK_FALSE(has_evidence(finding, evidence_code::data_unread));
    held.socket.recv_queue = 513;
    finding = diagnosed(held);
    CHECK(finding.cause == Cause::not_reading);
    CHECK(evidence_text(finding, evidence_code::data_unread) ==
          "Recv-Q 513: 512 bytes are unread; closing loses them and sends RST instead of FIN");
    CHECK_FALSE(has_evidence(finding, evidence_code::fin_unread));
}

TEST_CASE("a Send-Q that moves is a half-close in use, one that does not is evidence") {
    HeldSocket held = stuck();
    held.socket.send_queue = 512;
    CHECK(diagnosed(held).verdict == Verdict::stuck);
    CHECK(has_evidence(diagnosed(held), evidence_code::send_queue));
    held.sending = true;
    CHECK(diagnosed(held).verdict == Verdict::still_sending);
    CHECK(diagnosed(held).cause == Cause::still_sending);
    CHECK(has_evidence(diagnosed(held), evidence_code::still_sending));
    CHECK_FALSE(has_evidence(diagnosed(held), evidence_code::send_queue));
}

TEST_CASE("young, or of unknown age") {
    HeldSocket held = stuck();
    held.socket.info->last_ack_recv_ms = 59'999;
    CHECK(diagnosed(held).verdict == Verdict::too_young);
    CHECK(diagnosed(held).cause == Cause::leaked);
    held.socket.info->last_ack_recv_ms = 60'000;
    CHECK(diagnosed(held).verdict == Verdict::stuck);
    held.socket.info.reset();
    CHECK(diagnosed(held).verdict == Verdict::too_young);
    CHECK(has_evidence(diagnosed(held), evidence_code::idle_unknown));
    CHECK_FALSE(is_too_young(held.socket, std::chrono::milliseconds{0}));
}

TEST_CASE("a socket without a file waits for accept()") {
    HeldSocket held = stuck();
    held.socket.id.inode = 0;
    held.holders.clear();
    Snapshot snapshot;
    snapshot.sockets = {held};
    const auto backlog = [&snapshot] {
        return evidence_text(diagnose(snapshot, {}, std::chrono::minutes{1}).at(0),
                             evidence_code::backlog);
    };
    CHECK(backlog().ends_with("no listener was found for 10.0.0.1:80"));

    Socket listener = held.socket;
    listener.state = TcpState::listening;
    listener.local = samples::endpoint("0.0.0.0", 80);
    listener.recv_queue = 3;
    listener.send_queue = 128;
    snapshot.listeners = {{listener, {}, false}};
    CHECK(backlog().ends_with("listener 0.0.0.0:80 has 3 of 128 waiting for accept()"));
    const Finding finding = diagnose(snapshot, {}, std::chrono::minutes{1}).at(0);
    CHECK(finding.verdict == Verdict::in_backlog);
    CHECK(finding.cause == Cause::in_backlog);

    // The exact address wins; an IPv6 wildcard takes IPv4 too, an IPv4 one no IPv6.
    listener.local = samples::endpoint("10.0.0.1", 80);
    snapshot.listeners.push_back({listener, {}, false});
    CHECK(backlog().find("0.0.0.0") == std::string::npos);
    CHECK(backlog().find("listener 10.0.0.1:80") != std::string::npos);
    listener.family = Family::inet6;
    listener.local = samples::endpoint("::", 80);
    snapshot.listeners = {{listener, {}, false}};
    CHECK(backlog().find("listener [::]:80") != std::string::npos);
    snapshot.sockets[0].socket.local = samples::endpoint("2001:db8::1", 80);
    CHECK(backlog().find("listener [::]:80") != std::string::npos);
    snapshot.listeners[0].socket.family = Family::inet;
    snapshot.listeners[0].socket.local = samples::endpoint("0.0.0.0", 80);
    CHECK(backlog().find("no listener") != std::string::npos);
    snapshot.sockets[0].socket.local = samples::endpoint("::ffff:10.0.0.1", 80);
    CHECK(backlog().find("listener 0.0.0.0:80") != std::string::npos);

    // Not another port, nor another network namespace.
    snapshot.listeners[0].socket.local.port = 81;
    CHECK(backlog().find("no listener") != std::string::npos);
    snapshot.listeners[0].socket.local.port = 80;
    snapshot.listeners[0].socket.id.netns = 2;
    CHECK(backlog().find("no listener") != std::string::npos);
}

TEST_CASE("without a holder, what could not be read decides") {
    HeldSocket held = stuck();
    held.holders.clear();
    CHECK(diagnosed(held).verdict == Verdict::no_holder);
    CHECK(diagnosed(held).cause == Cause::kernel_socket);
    CHECK(has_evidence(diagnosed(held), evidence_code::no_holder));
    CHECK(has_evidence(diagnosed(held), evidence_code::kernel_socket));
    const Finding hidden = diagnosed(held, 2);
    CHECK(hidden.verdict == Verdict::holder_unreadable);
    CHECK(hidden.cause == Cause::holder_unreadable);
    CHECK(evidence_text(hidden, evidence_code::holder_unreadable) ==
          "no process that can be read holds it; 2 processes could not be read");
    CHECK_FALSE(has_evidence(hidden, evidence_code::no_holder));

    const Finding held_too = diagnosed(stuck(), 1);
    CHECK(held_too.verdict == Verdict::stuck);
    CHECK(evidence_text(held_too, evidence_code::others_unreadable) ==
          "1 process could not be read and may hold it too");
}

TEST_CASE("what keeps a socket without a holder is named") {
    Snapshot snapshot;
    snapshot.sockets = {stuck()};
    snapshot.sockets[0].holders.clear();
    const auto cause = [&snapshot] { return diagnose(snapshot, {}, {}).at(0).cause; };
    Keeper queue{.kind = Keeper::Kind::unix_queue, .pid = 7, .command = "bus", .fd = 3, .count = 1};
    snapshot.keepers = {queue};
    CHECK(cause() == Cause::in_flight);

    // A thread that may be blocked on it says more, one that cannot be says nothing.
    Keeper thread{.kind = Keeper::Kind::blocked_thread, .pid = 8, .tid = 9, .call = "write"};
    thread.waits = Keeper::Waits::to_write;
    snapshot.keepers.push_back(thread);
    CHECK(cause() == Cause::in_flight);
    snapshot.sockets[0].socket.send_queue = 5;
    CHECK(cause() == Cause::pinned_by_thread);
    snapshot.keepers[1].waits = Keeper::Waits::to_read;
    CHECK(cause() == Cause::in_flight);
    snapshot.keepers[1].waits = Keeper::Waits::any;
    CHECK(cause() == Cause::pinned_by_thread);
    snapshot.keepers[1].netns = 2;
    CHECK(cause() == Cause::in_flight);

    // What is known is all that counts.
    snapshot.keepers.push_back({.kind = Keeper::Kind::io_uring, .inode = 100, .pid = 8, .fd = 4});
    CHECK(cause() == Cause::in_io_uring);
    snapshot.keepers[2].kind = Keeper::Kind::mapping;
    CHECK(cause() == Cause::kernel_socket);
    snapshot.keepers[2].inode = 101;
    CHECK(cause() == Cause::in_flight);

    // So may one of the sockets be that a ring has registered.
    snapshot.keepers[0] = {.kind = Keeper::Kind::io_uring, .pid = 7, .fd = 3, .count = 2};
    CHECK(cause() == Cause::in_io_uring);
    const auto finding = diagnose(snapshot, {}, {}).at(0);
    CHECK(evidence_text(finding, evidence_code::registered).ends_with("it may be one"));

    // A process that could not be read is as likely as a queue, but not as a blocked thread.
    snapshot.blind_spots = {{std::string{blind_spot::process_unreadable}, 5, "denied"}};
    CHECK(cause() == Cause::holder_unreadable);
    snapshot.keepers[1].netns = 1;
    CHECK(cause() == Cause::pinned_by_thread);
}

TEST_CASE("what about the holders makes a socket stay is named") {
    HeldSocket held = stuck();
    held.holders[0].fds[0].tid = 4712;
    CHECK(diagnosed(held).cause == Cause::private_fd_table);
    CHECK(diagnosed(held).verdict == Verdict::stuck);
    held.holders[0].fds.push_back({4711, 8, false, {}});
    CHECK(diagnosed(held).cause == Cause::leaked);

    held = stuck();
    held.holders.push_back(samples::nginx(4712));
    held.holders[1].table_of = 4711;
    CHECK(diagnosed(held).cause == Cause::leaked);
    CHECK(has_evidence(diagnosed(held), evidence_code::one_fd_table));
    CHECK_FALSE(has_evidence(diagnosed(held), evidence_code::shared));
    held.sending = true;
    CHECK(diagnosed(held).cause == Cause::still_sending);
    held.socket.state = TcpState::established;
    CHECK(diagnosed(held).cause == Cause::unknown);
}

TEST_CASE("a dead socket is an fd without a connection") {
    HeldSocket held = stuck();
    held.socket.state = TcpState::closed;
    CHECK(diagnosed(held).cause == Cause::dead);
    CHECK(has_evidence(diagnosed(held), evidence_code::dead));
    CHECK_FALSE(has_evidence(diagnosed(held), evidence_code::in_use));
    held.holders.clear();
    CHECK(diagnosed(held).verdict == Verdict::in_use);
    CHECK_FALSE(has_evidence(diagnosed(held), evidence_code::dead));
}

TEST_CASE("threads whose fd tables could not be asked may be the holders") {
    Snapshot snapshot;
    snapshot.sockets = {stuck()};
    snapshot.sockets[0].holders.clear();
    snapshot.blind_spots = {{std::string{blind_spot::threads_unreadable}, 0, "no kcmp"},
                            {std::string{blind_spot::dump_interrupted}, 0, "busy"}};
    Finding finding = diagnose(snapshot, {}, std::chrono::minutes{1}).at(0);
    CHECK(finding.verdict == Verdict::holder_unreadable);
    CHECK(evidence_text(finding, evidence_code::holder_unreadable)
              .ends_with("; the fd tables of some threads could not be read"));
    snapshot.blind_spots.push_back({std::string{blind_spot::process_unreadable}, 0, "hidepid"});
    finding = diagnose(snapshot, {}, std::chrono::minutes{1}).at(0);
    CHECK(evidence_text(finding, evidence_code::holder_unreadable)
              .ends_with("; some processes and the fd tables of some threads could not be read"));
    snapshot.blind_spots.resize(2);
    snapshot.blind_spots.erase(snapshot.blind_spots.begin());
    CHECK(diagnose(snapshot, {}, std::chrono::minutes{1}).at(0).verdict == Verdict::no_holder);
}

TEST_CASE("the weightiest verdict comes first") {
    HeldSocket held = stuck();
    held.sending = true;
    held.socket.send_queue = 1;
    held.socket.info->last_ack_recv_ms = 0;
    CHECK(diagnosed(held).verdict == Verdict::still_sending);
    held.holders.clear();
    CHECK(diagnosed(held).verdict == Verdict::no_holder);
    held.socket.id.inode = 0;
    CHECK(diagnosed(held, 1).verdict == Verdict::in_backlog);
}

TEST_CASE("only CLOSE-WAIT, and what is over, is judged stuck") {
    HeldSocket held = stuck();
    for (unsigned number = 1; number <= 12; ++number) {
        held.socket.state = static_cast<TcpState>(number);
        CAPTURE(word(held.socket.state));
        const bool judged = held.socket.state == TcpState::close_wait ||
                            held.socket.state == TcpState::closed;  // dead, with an open fd
        CHECK(diagnosed(held).verdict == (judged ? Verdict::stuck : Verdict::in_use));
        CHECK(has_evidence(diagnosed(held), evidence_code::in_use) == !judged);
    }
    held.socket.id.inode = 0;
    held.holders.clear();
    held.socket.state = TcpState::time_wait;
    CHECK(diagnosed(held).verdict == Verdict::in_use);
    CHECK_FALSE(has_evidence(diagnosed(held), evidence_code::backlog));
    held.socket.state = TcpState::established;
    CHECK(diagnosed(held).verdict == Verdict::in_backlog);
    held.socket.state = TcpState::listening;
    held.socket.recv_queue = 5;
    held.socket.send_queue = 128;
    CHECK(evidence_text(diagnosed(held), evidence_code::accept_queue) ==
          "5 of 128 connections wait for accept()");
    CHECK_FALSE(has_evidence(diagnosed(held), evidence_code::data_unread));
}

TEST_CASE("several holders share it after a fork") {
    HeldSocket held = stuck();
    held.holders.push_back(samples::nginx(4712, 7));
    const Finding finding = diagnosed(held);
    CHECK(finding.cause == Cause::shared_after_fork);
    CHECK(finding.verdict == Verdict::stuck);
    CHECK(evidence_text(finding, evidence_code::shared) ==
          "2 processes hold it, pid 4711 (nginx) and pid 4712 (nginx): it closes when the last one "
          "lets go");
}

TEST_CASE("how the holder uses the fd is evidence") {
    HeldSocket held = stuck();
    Holder& holder = held.holders[0];
    CHECK_FALSE(has_evidence(diagnosed(held), evidence_code::several_fds));
    samples::altered(holder).runtime = Runtime::node;
    samples::altered(holder).tracer = 99;
    holder.fds[0].use = {true, true, true};
    holder.fds.push_back({4800, 9, false, {}});
    Finding finding = diagnosed(held);
    CHECK(evidence_text(finding, evidence_code::epoll) ==
          "fd 7 of pid 4711 (nginx) is in an epoll set");
    CHECK(has_evidence(finding, evidence_code::io_uring));
    CHECK(has_evidence(finding, evidence_code::blocked_thread));
    CHECK(has_evidence(finding, evidence_code::runtime));
    CHECK(has_evidence(finding, evidence_code::several_fds));
    CHECK(has_evidence(finding, evidence_code::private_fd_table));
    CHECK_FALSE(has_evidence(finding, evidence_code::zombie_leader));
    CHECK(evidence_text(finding, evidence_code::traced) == "pid 4711 (nginx) is traced by pid 99");
    samples::altered(holder).state = 'Z';
    finding = diagnosed(held);
    CHECK(has_evidence(finding, evidence_code::zombie_leader));
    CHECK_FALSE(has_evidence(finding, evidence_code::private_fd_table));
    CHECK_FALSE(has_evidence(finding, evidence_code::event_loop));
    held.holders[0].fds[0].use = {.beside_event_loop = true};
    CHECK(has_evidence(diagnosed(held), evidence_code::event_loop));
}

TEST_CASE("a use that could not be read is evidence of its holder only") {
    Snapshot snapshot;
    snapshot.sockets = {stuck(), stuck()};
    snapshot.sockets[1].holders = {samples::nginx(4712)};
    snapshot.blind_spots = {{std::string{blind_spot::use_unreadable}, 4711, "denied"}};
    const auto findings = diagnose(snapshot, {}, std::chrono::minutes{1});
    REQUIRE(findings.size() == 2);
    CHECK(has_evidence(findings[0], evidence_code::use_unreadable));
    CHECK_FALSE(has_evidence(findings[1], evidence_code::use_unreadable));
    CHECK_FALSE(has_evidence(findings[0], evidence_code::others_unreadable));
}

TEST_CASE("names from processes cannot reach a terminal through evidence") {
    HeldSocket held = stuck();
    samples::altered(held.holders[0]).command = "\x1b]0;x\n";
    held.holders[0].fds[0].use.in_epoll = true;
    CHECK(evidence_text(diagnosed(held), evidence_code::epoll) ==
          "fd 7 of pid 4711 (\\x1b]0;x\\x0a) is in an epoll set");
}

TEST_CASE("only what is selected is found, in the order of the snapshot") {
    Snapshot snapshot;
    for (const std::uint64_t inode : {5U, 3U, 4U}) {
        HeldSocket held = stuck();
        held.socket.id.inode = inode;
        snapshot.sockets.push_back(held);
    }
    Selector selector;
    selector.inodes = {{4, 5}};
    const auto findings = diagnose(snapshot, selector, std::chrono::minutes{1});
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].socket.id.inode == 5);
    CHECK(findings[1].socket.id.inode == 4);
}

}  // namespace unwait
