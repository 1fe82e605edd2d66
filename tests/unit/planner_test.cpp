// SPDX-License-Identifier: MIT
#include "unwait/planner.hpp"

#include <doctest/doctest.h>

#include "effects.hpp"
#include "samples.hpp"
#include "unwait/diagnose.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

using samples::diagnosed;
using samples::stuck;

using Actions = std::vector<Action>;

Plan plan_of(const HeldSocket& held, const Policy& policy = {}, std::size_t unreadable = 0) {
    const Finding finding = diagnosed(held, unreadable);
    return make_plan({&finding, 1}, policy, samples::self());
}

Step step_of(const HeldSocket& held, const Policy& policy = {}, std::size_t unreadable = 0) {
    const Plan plan = plan_of(held, policy, unreadable);
    REQUIRE(plan.steps.size() == 1);
    return plan.steps[0];
}

std::vector<std::string> effects(const HeldSocket& held, const Policy& policy = {}) {
    return effects_of(step_of(held, policy), policy);
}

LeftAlone left_of(const HeldSocket& held, const Policy& policy = {}, std::size_t unreadable = 0) {
    const Plan plan = plan_of(held, policy, unreadable);
    REQUIRE(plan.left_alone.size() == 1);
    return plan.left_alone[0];
}

Policy with_actions(Actions actions) {
    Policy policy;
    policy.actions = std::move(actions);
    return policy;
}

HeldSocket unheld() {
    HeldSocket held = stuck();
    held.holders.clear();
    return held;
}

HeldSocket in_backlog() {
    HeldSocket held = unheld();
    held.socket.id.inode = 0;
    return held;
}

}  // namespace

TEST_CASE("that there is no fd left for a placeholder is told before") {
    HeldSocket held = stuck();
    Process process = *held.holders[0].process;
    process.fd_limit = 64;
    const auto effect_at = [&](std::uint64_t fd_count, Action action) {
        process.fd_count = fd_count;
        Holder holder = held.holders[0];
        holder.process = std::make_shared<Process>(process);
        held.holders = std::vector{holder};
        return effects(held, with_actions({action}))[0];
    };
    constexpr std::string_view words = "has all 64 fds open";
    CHECK(effect_at(64, Action::replace).find(words) != std::string::npos);
    CHECK(effect_at(63, Action::replace).find(words) == std::string::npos);
    CHECK(effect_at(64, Action::close).find(words) == std::string::npos);
    process.fd_limit = 0;
    CHECK(effect_at(64, Action::replace).find("fds open") == std::string::npos);
}

TEST_CASE("auto closes a number that nothing still knows") {
    const Step step = step_of(stuck());
    CHECK(step.id == 1);
    CHECK(step.socket == stuck().socket);
    CHECK(step.holders == stuck().holders);
    CHECK(step.actions == Actions{Action::shutdown, Action::close});
    CHECK(step.reason == "nothing shows that the application still knows the fd's number");
    CHECK(effects_of(step, {}) ==
          std::vector<std::string>{
              "sends FIN to 10.0.0.9:5000; the application reads end of file, and its writes fail "
              "with EPIPE; no process is stopped; the application then has 2s to close fd 7 of pid "
              "4711 (nginx) itself",
              "if that was not enough: closes fd 7 of pid 4711 (nginx); no more FIN is due; the "
              "number is free for the application's next open; all threads that share the fd table "
              "are stopped for microseconds"});
}

TEST_CASE("auto replaces a number that something still knows, and says what does") {
    HeldSocket held = stuck();
    held.holders.push_back(samples::nginx(4712, 8));
    const Actions replaced{Action::shutdown, Action::replace};
    FdUse& use = held.holders[1].fds[0].use;
    use = {true, false, false};
    CHECK(step_of(held).actions == replaced);
    CHECK(step_of(held).reason ==
          "fd 8 of pid 4712 (nginx) is in an epoll set, so that its number stays reserved");
    CHECK(effects(held)[1].find("stays reserved") != std::string::npos);
    use = {false, true, false};
    CHECK(step_of(held).actions == replaced);
    use = {false, false, true};
    CHECK(step_of(held).actions == replaced);
    use = {.beside_event_loop = true};
    CHECK(step_of(held).actions == replaced);
    CHECK(
        step_of(held).reason ==
        "pid 4712 (nginx) runs an event loop, which may still know fd 8, so that its number stays "
        "reserved");
    use = {};
    for (const Runtime runtime : {Runtime::node, Runtime::jvm, Runtime::go, Runtime::cpython}) {
        samples::altered(held.holders[1]).runtime = runtime;
        CHECK(step_of(held).actions == replaced);
        CHECK(step_of(held).reason.str().find(word(runtime)) != std::string::npos);
    }
}

TEST_CASE("auto replaces when the use of the fd could not be read") {
    Snapshot snapshot;
    snapshot.sockets = {stuck()};
    snapshot.blind_spots = {{std::string{blind_spot::use_unreadable}, 4711, "denied"}};
    const auto findings = diagnose(snapshot, {}, std::chrono::minutes{1});
    const Plan plan = make_plan(findings, {}, samples::self());
    REQUIRE(plan.steps.size() == 1);
    CHECK(plan.steps[0].actions == Actions{Action::shutdown, Action::replace});
}

TEST_CASE("named actions are taken as they are, mildest first, each once") {
    HeldSocket held = stuck();
    held.holders[0].fds[0].use.in_epoll = true;
    const Step step = step_of(held, with_actions({Action::kill, Action::close, Action::destroy,
                                                  Action::close, Action::shutdown}));
    CHECK(step.actions == Actions{Action::shutdown, Action::close, Action::destroy, Action::kill});
    CHECK(step.reason == "named by --actions");
}

TEST_CASE("unread data turns the FIN of a close into RST, unless shutdown was first") {
    HeldSocket held = stuck();
    held.socket.recv_queue = 513;
    CHECK(effects(held, with_actions({Action::close}))[0] ==
          "closes fd 7 of pid 4711 (nginx); 512 unread bytes are lost and RST is sent instead of "
          "FIN; the number is free for the application's next open; all threads that share the fd "
          "table are stopped for microseconds");
    const auto both = effects(held, with_actions({Action::shutdown, Action::close}));
    CHECK(both[0].find("the 512 bytes left and then end of file") != std::string::npos);
    CHECK(both[1].find("512 unread bytes are lost;") != std::string::npos);
    held.socket.recv_queue = 1;
    CHECK(effects(held, with_actions({Action::close}))[0].find("sends FIN to 10.0.0.9:5000") !=
          std::string::npos);
}

TEST_CASE("each action says whom it touches") {
    HeldSocket held = stuck();
    held.holders.push_back(samples::nginx(4712, 8));
    held.holders[1].fds.push_back({4712, 9, false, {}});
    held.socket.send_queue = 20;
    const auto all = effects(held, with_actions({Action::shutdown, Action::close, Action::replace,
                                                 Action::destroy, Action::term, Action::kill}));
    const std::string fds = "fd 7 of pid 4711 (nginx) and fds 8 and 9 of pid 4712 (nginx)";
    const std::string pids = "pid 4711 (nginx) and pid 4712 (nginx)";
    REQUIRE(all.size() == 6);
    for (std::size_t at = 0; at < 4; ++at) {
        CAPTURE(all[at]);
        CHECK(all[at].find(fds) != std::string::npos);
    }
    CHECK(all[0].find("behind the 20 bytes still queued") != std::string::npos);
    CHECK(all[3].find("; 20 unsent bytes are lost; ") != std::string::npos);
    CHECK(all[4].find("SIGTERM to " + pids) != std::string::npos);
    CHECK(all[5].find("SIGKILL to " + pids) != std::string::npos);
    CHECK(all[5].find("waits 10s") != std::string::npos);
}

TEST_CASE("a step tells of the freeze and of holders that could not be read") {
    Policy policy = with_actions({Action::close});
    policy.freeze = Freeze::one;
    const Step step = step_of(stuck(), policy, 3);
    CHECK(effects_of(step, policy)[0].find("one thread is stopped") != std::string::npos);
    CHECK(step.reason.str().find("3 processes could not be read") != std::string::npos);
}

TEST_CASE("a young socket is left alone until --include or --min-idle") {
    HeldSocket held = stuck();
    held.socket.info->last_ack_recv_ms = 3'000;
    const LeftAlone left = left_of(held);
    CHECK(left.reason == Verdict::too_young);
    CHECK(left.text == "nothing came from the peer for 3s, which is less than --min-idle 1m");
    CHECK(left.override_flag == "--include too-young");
    Policy policy;
    policy.include = {Verdict::too_young};
    CHECK(plan_of(held, policy).steps.size() == 1);
}

TEST_CASE("a sending socket is left alone until included") {
    HeldSocket held = stuck();
    held.sending = true;
    held.socket.send_queue = 1;
    CHECK(left_of(held).reason == Verdict::still_sending);
    CHECK(left_of(held).override_flag == "--include still-sending");
    Policy policy;
    policy.include = {Verdict::still_sending};
    CHECK(plan_of(held, policy).steps.size() == 1);
}

TEST_CASE("overriding one objection lets no other pass") {
    HeldSocket held = stuck();
    held.sending = true;
    held.socket.send_queue = 1;
    held.socket.info->last_ack_recv_ms = 0;
    CHECK(left_of(held).override_flag == "--include still-sending,too-young");
    Policy policy;
    policy.include = {Verdict::still_sending};
    CHECK(left_of(held, policy).reason == Verdict::too_young);
    CHECK(left_of(held, policy).override_flag == "--include too-young");
}

TEST_CASE("naming destroy includes a socket that nobody holds") {
    const LeftAlone left = left_of(unheld());
    CHECK(left.reason == Verdict::no_holder);
    CHECK(left.override_flag == "--actions destroy");
    const Step step = step_of(unheld(), with_actions({Action::close, Action::destroy}));
    CHECK(step.actions == Actions{Action::destroy});
    CHECK(step.reason == "named by --actions; close is left out: no process is known to hold it");
    Policy included;
    included.include = {Verdict::no_holder};
    CHECK(left_of(unheld(), included).override_flag == "--actions destroy");
    CHECK(left_of(unheld(), with_actions({Action::close})).override_flag ==
          "--actions close,destroy");

    HeldSocket young = unheld();
    young.socket.info->last_ack_recv_ms = 0;
    CHECK(left_of(young, with_actions({Action::destroy})).reason == Verdict::too_young);
    CHECK(left_of(young).override_flag == "--actions destroy --include too-young");
}

TEST_CASE("a backlog or a hidden holder must be included beside naming destroy") {
    Policy destroy = with_actions({Action::destroy});
    CHECK(left_of(in_backlog()).reason == Verdict::in_backlog);
    CHECK(left_of(in_backlog()).override_flag == "--actions destroy --include in-backlog");
    CHECK(left_of(in_backlog(), destroy).override_flag == "--include in-backlog");
    CHECK(left_of(unheld(), {}, 1).reason == Verdict::holder_unreadable);
    CHECK(left_of(unheld(), destroy, 1).override_flag == "--include holder-unreadable");
    destroy.include = {Verdict::in_backlog, Verdict::holder_unreadable};
    CHECK(effects(in_backlog(), destroy)[0].find("queue of the listener") != std::string::npos);
    CHECK(plan_of(unheld(), destroy, 1).steps.size() == 1);
    Policy automatic;
    automatic.include = destroy.include;
    CHECK(left_of(in_backlog(), automatic).override_flag == "--actions destroy");
    CHECK(left_of(in_backlog(), automatic).reason == Verdict::in_backlog);

    HeldSocket established = in_backlog();
    established.socket.state = TcpState::established;
    CHECK(left_of(established, destroy).reason == Verdict::in_use);
}

TEST_CASE("a state that is not CLOSE-WAIT is in use") {
    HeldSocket held = stuck();
    held.socket.state = TcpState::established;
    CHECK(left_of(held).reason == Verdict::in_use);
    CHECK(left_of(held).override_flag == "--include in-use");
    Policy policy;
    policy.include = {Verdict::in_use};
    CHECK(plan_of(held, policy).steps.size() == 1);
    held.socket.state = TcpState::listening;
    held.socket.recv_queue = 1;
    CHECK(effects(held, policy)[0].starts_with(
        "stops listening on 10.0.0.1:80, and 1 waiting connection is reset; no process"));
}

TEST_CASE("pid 1 and our own connection are never touched") {
    Policy all = with_actions({Action::shutdown, Action::close, Action::replace, Action::destroy,
                               Action::term, Action::kill});
    for (int value = 0; value <= static_cast<int>(Verdict::denied_by_policy); ++value) {
        all.include.push_back(static_cast<Verdict>(value));
    }
    HeldSocket held = stuck();
    held.holders.push_back(samples::nginx(1, 7));
    CHECK(left_of(held, all).reason == Verdict::is_protected);
    CHECK(left_of(held, all).override_flag.empty());
    held = stuck();
    held.socket.id.cookie = samples::self().own_connections[0];
    CHECK(left_of(held, all).reason == Verdict::is_protected);
    CHECK(left_of(held, all).override_flag.empty());

    Finding denied = diagnosed(stuck());
    for (const Verdict verdict : {Verdict::is_protected, Verdict::denied_by_policy}) {
        denied.verdict = verdict;
        const Plan plan = make_plan({&denied, 1}, all, samples::self());
        REQUIRE(plan.left_alone.size() == 1);
        CHECK(plan.left_alone[0].reason == verdict);
        CHECK(plan.left_alone[0].override_flag.empty());
    }
}

TEST_CASE("a traced process can only be reached from outside") {
    HeldSocket held = stuck();
    samples::altered(held.holders[0]).tracer = 99;
    CHECK(step_of(held).actions == Actions{Action::shutdown});
    CHECK(step_of(held).reason ==
          "pid 4711 (nginx) is already traced by pid 99, so that only a shutdown from outside is "
          "possible");
    CHECK(left_of(held, with_actions({Action::close, Action::term})).reason ==
          Verdict::is_protected);
    CHECK(step_of(held, with_actions({Action::close, Action::destroy})).actions ==
          Actions{Action::destroy});
}

TEST_CASE("we and our ancestors get no signal, and nothing runs inside us") {
    const Actions all{Action::shutdown, Action::close, Action::replace,
                      Action::destroy,  Action::term,  Action::kill};
    HeldSocket held = stuck();
    held.holders.push_back(samples::nginx(samples::self().pid, 7));
    CHECK(step_of(held, with_actions(all)).actions == Actions{Action::shutdown, Action::destroy});
    CHECK(step_of(held).actions == Actions{Action::shutdown});
    held.holders[1] = samples::nginx(samples::self().ancestors[0], 7);
    CHECK(step_of(held, with_actions(all)).actions ==
          Actions{Action::shutdown, Action::close, Action::replace, Action::destroy});
    const LeftAlone left = left_of(held, with_actions({Action::term, Action::kill}));
    CHECK(left.reason == Verdict::is_protected);
    CHECK(left.text.str().find("pid 20 (nginx) is an ancestor of unwait") != std::string::npos);
}

TEST_CASE("a plan beyond a limit says which flag raises it") {
    std::vector<Finding> findings;
    for (pid_t pid = 4711; pid < 4714; ++pid) {
        HeldSocket held = stuck();
        held.holders = {samples::nginx(pid)};
        findings.push_back(diagnosed(held));
    }
    Policy policy;
    policy.max_sockets = 3;
    policy.max_processes = 3;
    CHECK_FALSE(make_plan(findings, policy, samples::self()).refusal.has_value());
    policy.max_sockets = 2;
    CHECK(make_plan(findings, policy, samples::self()).refusal ==
          "the plan touches 3 sockets, more than --max-sockets 2: select fewer, or raise the limit "
          "if all of them are meant");
    policy.max_processes = 2;
    const Plan plan = make_plan(findings, policy, samples::self());
    CHECK(plan.refusal->find("3 processes, more than --max-processes 2") != std::string::npos);
    CHECK(plan.steps.size() == 3);
}

TEST_CASE("a rung is climbed only when what it is for is still there") {
    struct Row {
        Action action;
        bool for_socket;
        bool for_fd;
    };
    for (const Row& row : {
             Row{Action::shutdown, true, false},
             Row{Action::close, false, true},
             Row{Action::replace, false, true},
             Row{Action::destroy, true, false},
             Row{Action::term, true, true},
             Row{Action::kill, true, true},
         }) {
        CAPTURE(word(row.action));
        CHECK_FALSE(still_needed(row.action, false, false));
        CHECK(still_needed(row.action, true, false) == row.for_socket);
        CHECK(still_needed(row.action, false, true) == row.for_fd);
        CHECK(still_needed(row.action, true, true));
    }
}

}  // namespace unwait
