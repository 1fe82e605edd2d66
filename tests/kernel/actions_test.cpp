// SPDX-License-Identifier: MIT
// Every action on every kind of holder: what the outcome says, what the kernel says, and what the
// victim says.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "remedy_run.hpp"
#include "vocabulary.hpp"

namespace unwait::test {
namespace {

constexpr std::array gentle{Action::shutdown, Action::close, Action::replace, Action::destroy};
constexpr std::array signals{Action::term, Action::kill};

bool frees_number(Action action) { return action == Action::close; }
bool stops_threads(Action action) { return action == Action::close || action == Action::replace; }

/// What is behind a number that led to the socket, once the action is done.
void check_behind(std::uint64_t now, std::uint64_t before, Action action) {
    switch (action) {
        case Action::close:
            CHECK(now == 0);
            break;
        case Action::replace:
            CHECK(now != 0);
            CHECK(now != before);
            break;
        default:
            CHECK(now == before);
    }
}

void check_cleared(const Outcome& outcome, Action action) {
    INFO(outcome.detail);
    CHECK(word(outcome.result) == word(Result::cleared));
    CHECK(outcome.action == action);
    CHECK(outcome.frees_fd == (frees_number(action)));
    CHECK(outcome.state_before == TcpState::close_wait);
    CHECK(outcome.state_after != TcpState::close_wait);
    CHECK((outcome.stopped.count() > 0) == stops_threads(action));
}

/// What a call that was blocked returned in the end.
std::string await_return(Victim& victim, const std::string& call) {
    std::string result;
    do {
        result = victim.ask_facts("results").at(call);
    } while (result == "blocked");
    return result;
}

}  // namespace

TEST_SUITE_BEGIN("actions");

TEST_CASE("one holder, over IPv4, IPv6 and v4-mapped") {
    for (const std::string family : {"v4", "v6", "v4mapped"}) {
        for (const Action action : gentle) {
            CAPTURE(family);
            CAPTURE(word(action));
            Victim victim({"close-wait", "family=" + family, "count=3"});
            Witness witness(victim);
            check_cleared(remedy(victim, policy_of({action})), action);
            check_behind(inode_behind(victim.pid(), victim.fd()), victim.number("inode"), action);
            witness.check_unharmed({victim.fd()});
        }
    }
}

TEST_CASE("unread data does not keep a socket") {
    for (const Action action : gentle) {
        CAPTURE(word(action));
        Victim victim({"close-wait", "unread=1000"});
        Witness witness(victim);
        check_cleared(remedy(victim, policy_of({action})), action);
        witness.check_unharmed({victim.fd()});
    }
}

TEST_CASE("every holder after fork") {
    for (const Action action : gentle) {
        CAPTURE(word(action));
        Victim victim({"shared-by-fork", "children=2"});
        Witness witness(victim);
        check_cleared(remedy(victim, policy_of({action})), action);
        witness.check_unharmed({victim.fd()});
        auto holders = victim.numbers("children");
        holders.push_back(static_cast<std::uint64_t>(victim.pid()));
        for (const auto pid : holders) {
            CAPTURE(pid);
            check_behind(inode_behind(static_cast<pid_t>(pid), victim.fd()), victim.number("inode"),
                         action);
        }
    }
}

TEST_CASE("every number in one process") {
    for (const Action action : gentle) {
        CAPTURE(word(action));
        Victim victim({"several-fds", "duplicates=3"});
        Witness witness(victim);
        std::vector<int> numbers{victim.fd()};
        for (const auto fd : victim.numbers("duplicates")) numbers.push_back(static_cast<int>(fd));
        check_cleared(remedy(victim, policy_of({action})), action);
        witness.check_unharmed(numbers);
        for (const int fd : numbers) {
            CAPTURE(fd);
            check_behind(inode_behind(victim.pid(), fd), victim.number("inode"), action);
        }
    }
}

TEST_CASE("a table that another process shares") {
    for (const Action action : gentle) {
        CAPTURE(word(action));
        Victim victim({"clone-files"});
        Witness witness(victim);
        check_cleared(remedy(victim, policy_of({action})), action);
        witness.check_unharmed({victim.fd()});
        check_behind(inode_behind(static_cast<pid_t>(victim.number("sharer")), victim.fd()),
                     victim.number("inode"), action);
    }
}

TEST_CASE("a thread that is blocked on the fd hears that it has gone") {
    // poll() is woken by the shutdown, or finds the number closed (POLLNVAL) when it goes on after
    // the stop; select() for exceptions hears of no shutdown, but finds the number closed. That is
    // EBADF, or the exception itself while the processor that closes has come only half-way: the
    // number leads nowhere then, and still counts as taken.
    using Results = std::vector<std::string>;
    const std::array<std::pair<std::string, Results>, 2> calls{
        {{"poll", {"returned:1:0:"}}, {"select", {"returned:-1:9:", "returned:1:0:"}}}};
    for (const auto& [call, results] : calls) {
        for (const auto& ladder :
             {std::vector{Action::shutdown, Action::close}, std::vector{Action::close}}) {
            CAPTURE(call);
            CAPTURE(ladder.size());
            Victim victim({"blocked", "call=" + call});
            Witness witness(victim);
            const Outcome outcome = remedy(victim, policy_of(ladder));
            INFO(outcome.detail);
            CHECK(word(outcome.result) == word(Result::cleared));
            CHECK(outcome.frees_fd);
            CHECK(inode_behind(victim.pid(), victim.fd()) == 0);
            const std::string returned = await_return(victim, call);
            CAPTURE(returned);
            CHECK(std::ranges::any_of(
                results, [&](const std::string& result) { return returned.starts_with(result); }));
            witness.check_unharmed({victim.fd()});
        }
    }
}

TEST_CASE("a thread that is blocked on the fd goes on with a placeholder") {
    Victim victim({"blocked", "call=poll"});
    Witness witness(victim);
    check_cleared(remedy(victim, policy_of({Action::replace})), Action::replace);
    CHECK(await_return(victim, "poll").starts_with("returned:1:0:"));
    witness.check_unharmed({victim.fd()});
}

TEST_CASE("a writer that is blocked for good ends") {
    Policy policy = policy_of({Action::shutdown, Action::close});
    policy.include = {Verdict::still_sending};
    Victim victim({"blocked-writer"});
    Witness witness(victim);
    const Outcome outcome = remedy(victim, policy);
    INFO(outcome.detail);
    CHECK(outcome.frees_fd);
    witness.check_unharmed({victim.fd()});
    CHECK(await_return(victim, "write").starts_with("returned:-1:32:"));  // EPIPE
}

TEST_CASE("a socket whose close would wait for its peer holds up nobody") {
    Policy policy = policy_of({Action::close});
    policy.include = {Verdict::still_sending};
    Victim victim({"blocked-writer", "block=0", "linger=600"});
    Witness witness(victim);
    const Outcome outcome = remedy(victim, policy);
    INFO(outcome.detail);
    CHECK(outcome.result == Result::cleared);
    CHECK(outcome.frees_fd);
    CHECK(outcome.state_after == TcpState::last_ack);  // what was sent is not taken back
    CHECK(outcome.stopped < std::chrono::seconds(10));
    CHECK(outcome.duration < std::chrono::seconds(60));
    witness.check_unharmed({victim.fd()});
}

TEST_CASE("an application that hears of the shutdown closes by itself") {
    Victim victim({"closes-when-shut"});
    Witness witness(victim);
    Policy policy = policy_of({Action::shutdown, Action::close});
    // Far more than it needs: the wait ends with the close, and the second rung is not climbed.
    policy.settle = std::chrono::seconds(30);
    const Outcome outcome = remedy(victim, policy);
    CHECK(word(outcome.result) == word(Result::cleared));
    CHECK(outcome.action == Action::shutdown);
    CHECK(outcome.frees_fd);
    CHECK(outcome.stopped.count() == 0);
    CHECK(outcome.duration < std::chrono::seconds(10));
    CHECK(victim.ask("closed") == "1");
    witness.check_unharmed({victim.fd()});
}

TEST_CASE("of many sockets each is waited for, and goes on for itself") {
    const Victim early({"closes-when-shut"});
    const Victim stuck({"close-wait"});
    const Victim late({"closes-when-shut"});
    const std::array<const Victim*, 3> victims{&early, &stuck, &late};
    Policy policy = policy_of({Action::shutdown, Action::close});
    policy.settle = std::chrono::seconds(1);
    const Plan plan = plan_for(victims, policy);
    const auto outcomes = carry_out(plan, policy);
    REQUIRE(outcomes.size() == victims.size());
    for (const Outcome& outcome : outcomes) {
        const auto step = std::ranges::find(plan.steps, outcome.id, &Step::id);
        CAPTURE(step->socket.id.inode);
        CHECK(word(outcome.result) == word(Result::cleared));
        CHECK(outcome.frees_fd);
        const bool is_stuck = step->socket.id.inode == stuck.number("inode");
        CHECK(outcome.action == (is_stuck ? Action::close : Action::shutdown));
        CHECK((outcome.stopped.count() > 0) == is_stuck);
    }
}

TEST_CASE("each socket has the wait of its own terms") {
    using std::chrono::milliseconds;
    constexpr milliseconds brief{100};
    constexpr milliseconds longer{700};
    constexpr milliseconds endless{60'000};
    struct Case {
        milliseconds of_stuck, of_closing, least, most;
    };
    // Who closes by itself is not waited for once it has; who does not, as long as its terms say.
    for (const Case& each :
         {Case{brief, endless, brief, endless / 4}, Case{longer, brief, longer, endless / 4},
          Case{longer, endless, longer, endless / 4}}) {
        CAPTURE(each.of_stuck.count());
        CAPTURE(each.of_closing.count());
        const Victim stuck({"close-wait"});
        const Victim closing({"closes-when-shut"});
        const std::array<const Victim*, 2> victims{&stuck, &closing};
        const Policy policy = policy_of({Action::shutdown, Action::close});
        Plan plan = plan_for(victims, policy);
        for (Step& step : plan.steps) {
            const bool is_stuck = step.socket.id.inode == stuck.number("inode");
            step.terms = terms_of(step, policy);
            step.terms->settle = is_stuck ? each.of_stuck : each.of_closing;
        }
        const auto begun = std::chrono::steady_clock::now();
        const auto outcomes = carry_out(plan, policy);
        const auto taken = std::chrono::steady_clock::now() - begun;
        CHECK(taken >= each.least);
        CHECK(taken < each.most);
        REQUIRE(outcomes.size() == victims.size());
        for (const Outcome& outcome : outcomes) {
            const Step& step = step_with_id(plan, outcome.id);
            const bool is_stuck = step.socket.id.inode == stuck.number("inode");
            CHECK(word(outcome.result) == word(Result::cleared));
            CHECK(outcome.action == (is_stuck ? Action::close : Action::shutdown));
        }
    }
}

TEST_CASE("a socket that the application has connected anew is left alone") {
    for (const Action next :
         {Action::close, Action::replace, Action::destroy, Action::term, Action::kill}) {
        CAPTURE(word(next));
        Victim victim({"reconnects-when-shut"});
        Witness witness(victim);
        Policy policy = policy_of({Action::shutdown, next});
        policy.settle = std::chrono::milliseconds(500);
        const Outcome outcome = remedy(victim, policy);
        CHECK(victim.ask("serves") == "1");
        if (next != Action::destroy) {  // that is for a stuck socket, which it is no more
            CHECK(word(outcome.result) == word(Result::refused));
            CHECK(outcome.action == next);
            CHECK(outcome.detail ==
                  "the application has begun to use the socket anew: it is established now");
        }
        CHECK_FALSE(outcome.frees_fd);
        witness.check_unharmed({});
    }
}

TEST_CASE("a signal ends every holder") {
    for (const Action action : signals) {
        for (const std::string scenario : {"close-wait", "shared-by-fork"}) {
            CAPTURE(word(action));
            CAPTURE(scenario);
            Victim victim({scenario});
            const Outcome outcome = remedy(victim, policy_of({action}));
            INFO(outcome.detail);
            CHECK(word(outcome.result) == word(Result::cleared));
            CHECK(outcome.frees_fd);
            CHECK(outcome.state_after != TcpState::close_wait);
            const int status = victim.end();
            REQUIRE(WIFSIGNALED(status));
            CHECK(WTERMSIG(status) == (action == Action::term ? SIGTERM : SIGKILL));
        }
    }
}

TEST_CASE("auto closes what nothing refers to, and keeps the number of what an epoll set holds") {
    Victim plain({"close-wait"});
    const Outcome closed = remedy(plain, policy_of({}));
    CHECK(closed.action == Action::close);
    CHECK(inode_behind(plain.pid(), plain.fd()) == 0);

    Victim watched({"in-epoll"});
    const Outcome replaced = remedy(watched, policy_of({}));
    INFO(replaced.detail);
    CHECK(replaced.action == Action::replace);
    CHECK_FALSE(replaced.frees_fd);
    check_behind(inode_behind(watched.pid(), watched.fd()), watched.number("inode"),
                 Action::replace);
}

TEST_SUITE_END();

}  // namespace unwait::test
