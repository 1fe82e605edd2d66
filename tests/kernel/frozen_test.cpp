// SPDX-License-Identifier: MIT
// The freezer of a cgroup: what it holds stays held, and nobody waits for it.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "file_identity.hpp"
#include "held_file.hpp"
#include "hitting.hpp"
#include "own_cgroup.hpp"
#include "preflight.hpp"
#include "remedy_run.hpp"
#include "stack.hpp"

namespace unwait::test {
namespace {

using ptrace::CutEnding;
using ptrace::Operation;
using std::chrono::microseconds;

/// A process that freezes and thaws a cgroup at random until the end of the block, and leaves it
/// thawed.
class Toggler {
public:
    /// `round`: each has other moments, and the same each time; at most `longest` apart.
    Toggler(const Cgroup& cgroup, int round, microseconds longest)
        : cgroup_(cgroup), pid_(::fork()) {
        REQUIRE(pid_ >= 0);
        if (pid_ != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        std::mt19937 random(static_cast<unsigned>(round));
        std::uniform_int_distribution<int> delays(0, static_cast<int>(longest.count()));
        for (;;) {
            cgroup.freeze();
            spin_for(microseconds{delays(random)});
            cgroup.thaw();
            spin_for(microseconds{delays(random)});
        }
    }
    ~Toggler() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        cgroup_.thaw();
    }
    Toggler(Toggler&&) = delete;
    Toggler& operator=(Toggler&&) = delete;

private:
    const Cgroup& cgroup_;
    pid_t pid_;
};

/// What is said where no cgroup can be seen, as in a container.
std::string refusal_without_cgroups(const Victim& victim, Operation operation, const Cuts& cuts) {
    const auto patient = patient_of(victim);
    return told_by_child([&] {
        const bool is_hidden = ::unshare(CLONE_NEWNS) == 0 &&
                               ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                               ::mount("none", "/sys/fs/cgroup", "tmpfs", 0, nullptr) == 0;
        return is_hidden ? ptrace::operate(patient, operation, cuts.cuts).refusal : "not hidden";
    });
}

bool is_about_freezing(const std::string& refusal) {
    return refusal.find("its cgroup is frozen") != std::string::npos;
}

}  // namespace

TEST_CASE("a frozen process is refused before anything is done to it, and stays frozen") {
    for (const Cgroup& cgroup : Cgroup::make_all()) {
        for (const std::string scenario : {"close-wait", "spinner", "sleepers"}) {
            CAPTURE(scenario);
            Victim victim({scenario});
            const bool has_socket = scenario != "spinner";
            const auto fd = has_socket ? victim.number("fd") : victim.ask_number("open /dev/null");
            const auto before = victim.fds();
            const auto patient = patient_of(victim);
            const Cuts cuts(victim, {fd});
            cgroup.take(victim.pid());
            {
                const Frozen frozen(cgroup);
                for (const auto operation : {Operation::close, Operation::replace}) {
                    const auto surgery = ptrace::operate(patient, operation, cuts.cuts);
                    CHECK_MESSAGE(is_about_freezing(surgery.refusal), surgery.refusal);
                    CHECK(surgery.cuts[0].ending == CutEnding::untouched);
                    CHECK(ptrace::rehearse(patient, operation).refusal == surgery.refusal);
                }
                const auto obstacle = ptrace::obstacle(patient.id, patient.table).value_or("none");
                CHECK_MESSAGE(is_about_freezing(obstacle), obstacle);
                CHECK(cgroup.is_frozen());
                CHECK(tracer_of(victim.pid()) == "0");
            }
            CHECK(victim.fds() == before);
            const auto surgery = operate_patiently(patient, Operation::close, cuts.cuts);
            CHECK(surgery.refusal == "");
            CHECK(surgery.cuts[0].ending == CutEnding::done);
            CHECK(victim.ask("errors").starts_with("0 "));
        }
    }
}

TEST_CASE("the socket of a frozen process is shut down from outside, as the plan says") {
    for (const Cgroup& cgroup : Cgroup::make_all()) {
        Victim victim({"close-wait"});
        Witness witness(victim);
        cgroup.take(victim.pid());
        {
            const Frozen frozen(cgroup);
            const auto policy = policy_of({});
            const Plan plan = plan_for(victim, policy);
            REQUIRE(plan.steps.size() == 1);
            CHECK(plan.steps[0].actions == std::vector{Action::shutdown});
            CHECK(is_about_freezing(plan.steps[0].reason.str()));
            const auto outcome = carry_out(plan, policy).at(0);
            CHECK(outcome.state_after != TcpState::close_wait);
            CHECK_FALSE(outcome.frees_fd);
            CHECK(cgroup.is_frozen());
        }
        witness.check_unharmed({});
    }
}

TEST_CASE("the stack of a frozen process is read, and it stays frozen") {
    for (const Cgroup& cgroup : Cgroup::make_all()) {
        for (const std::vector<std::string>& words :
             {std::vector<std::string>{"blocked", "call=poll"}, {"spinner"}}) {
            Victim victim(words);
            const auto tid =
                static_cast<pid_t>(victim.number(words[0] == "spinner" ? "tids" : "tid"));
            cgroup.take(victim.pid());
            {
                const Frozen frozen(cgroup);
                const auto stack = ptrace::stacks_of(process_id(victim.pid()), {&tid, 1}).at(tid);
                const bool is_uninterruptible = cgroup.version() == Cgroup::Version::v1;
                CHECK((!stack.frames.empty() || is_uninterruptible));
                CHECK(cgroup.is_frozen());
                CHECK(tracer_of(tid) == "0");
            }
            CHECK(victim.ask("errors").starts_with("0 "));
        }
    }
}

TEST_CASE("where the freezer cannot be seen, a frozen process is put back") {
    const auto cgroup = Cgroup::make(Cgroup::Version::v2);
    if (!cgroup) return;
    for (const auto operation : {Operation::close, Operation::replace}) {
        CAPTURE(operation);
        Victim victim({"registers", "mode=nanosleep"});
        const Cuts cuts(victim, {victim.ask_number("open /dev/null")});
        const auto vdso = vdso_of(victim.pid());
        cgroup->take(victim.pid());
        {
            const Frozen frozen(*cgroup);
            const auto refusal = refusal_without_cgroups(victim, operation, cuts);
            CAPTURE(refusal);
            CHECK(refusal.find("frozen by its cgroup") != std::string::npos);
            CHECK(refusal.find("this may pass: run again") != std::string::npos);
            CHECK(vdso_of(victim.pid()) == vdso);
            CHECK(tracer_of(victim.pid()) == "0");
            CHECK(cgroup->is_frozen());
        }
        CHECK(victim.ask("regs").find(" broken=0 ") != std::string::npos);
        CHECK(victim.fds().contains(cuts.cuts[0].fd));
    }
}

TEST_CASE("frozen at any instant: no register changes, and only the intended fd is closed") {
    using Clock = std::chrono::steady_clock;
    for (const Cgroup& cgroup : Cgroup::make_all()) {
        for (const std::string mode : {"user", "nanosleep", "poll"}) {
            CAPTURE(mode);
            Victim victim({"registers", "mode=" + mode});
            const auto before = victim.fds();
            cgroup.take(victim.pid());
            microseconds usual{0};
            for (int round = 0; round < rounds_of_hitting() / 3; ++round) {
                const auto fd = victim.ask_number("open /dev/null");
                const Cuts cuts(victim, {fd});
                const bool is_disturbed = round > 0;
                ptrace::Surgery surgery;
                if (is_disturbed) {
                    const Toggler toggler(cgroup, round, 2 * usual);
                    surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
                } else {
                    const auto begin = Clock::now();
                    surgery = operate_patiently(patient_of(victim), Operation::close, cuts.cuts);
                    usual = std::chrono::duration_cast<microseconds>(Clock::now() - begin);
                }
                const bool is_done = surgery.cuts[0].ending == CutEnding::done;
                CHECK(is_done == surgery.refusal.empty());
                CHECK((is_done || is_disturbed));
                REQUIRE(eventually([&] { return is_free(victim.pid()); }));
                if (!is_done) victim.ask("close " + std::to_string(fd));
                CHECK(victim.fds() == before);
            }
            const auto facts = victim.ask("regs");
            CAPTURE(facts);
            CHECK(facts.find(" broken=0 ") != std::string::npos);
        }
    }
}

TEST_CASE("what a killed unwait has begun stops at a number that was reused meanwhile") {
    const auto cgroup = Cgroup::make(Cgroup::Version::v2);
    if (!cgroup) return;
    const HeldFile file;
    // Whoever does what the test asks for shares the fd table of the one that is frozen.
    Victim victim({"clone-files"});
    const auto sharer = static_cast<pid_t>(victim.number("sharer"));
    auto patient = patient_of(victim);
    patient.sharers = {patient.id};
    patient.id = process_id(sharer);
    patient.table = sharer;
    patient.max_freeze = std::chrono::seconds(1);  // all numbers at once
    cgroup->take(sharer);
    const auto before = victim.fds();
    struct Round {
        Operation operation;
        std::size_t step;  ///< of the numbers; those in a row may be closed 16 by 16
        std::size_t held;  ///< the index of the number that it is about as unwait is killed
        std::size_t most_cleared;
    };
    const std::vector<Round> rounds{
        {Operation::close, 2, 32, 33},   {Operation::close, 2, 170, 171},
        {Operation::close, 2, 298, 299}, {Operation::close, 1, 40, 56},
        {Operation::close, 1, 170, 186}, {Operation::replace, 1, 170, 171},
    };
    for (const Round& round : rounds) {
        CAPTURE(round.operation);
        CAPTURE(round.step);
        CAPTURE(round.held);
        std::vector<std::uint64_t> fds;
        std::vector<std::uint64_t> between;
        for (std::size_t i = 0; i < 300 * round.step; ++i) {
            const bool is_held = i == round.held * round.step;
            const auto fd = victim.ask_number("open " + (is_held ? file.path() : "/dev/null"));
            (i % round.step == 0 ? fds : between).push_back(fd);
        }
        {
            const Cuts cuts(victim, fds);
            const auto work = [&] {
                static_cast<void>(operate_patiently(patient, round.operation, cuts.cuts));
            };
            file.hold_close_by(sharer);
            run_and_hit(sharer, work, SIGKILL, [&](pid_t) { file.await_close(); });
            cgroup->freeze();
            file.let_close_end();
            REQUIRE(eventually([&] { return is_free(victim.pid()) && cgroup->is_frozen(); }));
            const auto cleared = std::ranges::count_if(cuts.cuts, [&](const ptrace::Cut& cut) {
                return sys::same_file(sharer, cut.fd, cut.reference) != sys::Same::yes;
            });
            CHECK(cleared > round.held);
            CHECK(cleared <= round.most_cleared);
        }
        for (const auto fd : fds) victim.ask("close " + std::to_string(fd));
        for (const auto fd : fds) REQUIRE(victim.ask_number("open /dev/null") == fd);
        cgroup->thaw();
        REQUIRE(eventually([&] { return is_free(sharer, Idle::sleeps); }));
        const auto open = victim.fds();
        const auto lost = std::ranges::count_if(
            fds, [&](std::uint64_t fd) { return !open.contains(static_cast<int>(fd)); });
        CHECK(lost == 0);
        for (const auto fd : between) CHECK(victim.ask("close " + std::to_string(fd)) == "0");
        for (const auto fd : fds) victim.ask("close " + std::to_string(fd));
        CHECK(victim.fds() == before);
    }
    CHECK(victim.ask("errors").starts_with("0 "));
}

TEST_CASE("an unwait that is frozen itself lets go of the process") {
    // One that v1 has frozen cannot even be killed.
    const auto cgroup = Cgroup::make(Cgroup::Version::v2);
    if (!cgroup) return;
    Victim victim({"sleepers", "threads=100"});
    std::mt19937 random(3);  // NOLINT(cert-msc51-cpp): the same rounds each time
    std::uniform_int_distribution<int> delays(0, 5000);
    for (int round = 0; round < rounds_of_hitting() / 10; ++round) {
        const auto fd = victim.ask_number("open /dev/null");
        const Cuts cuts(victim, {fd});
        const auto patient = patient_of(victim);
        const auto work = [&] {
            cgroup->take(::getpid());
            static_cast<void>(ptrace::operate(patient, Operation::close, cuts.cuts));
        };
        const auto freeze_midway = [&](pid_t) {
            spin_for(slowness * microseconds{delays(random)});
            const Frozen frozen(*cgroup);
            CHECK(eventually([&] { return is_free(victim.pid()); }));
        };
        run_and_hit(victim.pid(), work, SIGKILL, freeze_midway);
        REQUIRE(eventually([&] { return is_free(victim.pid()); }));
        if (victim.fds().contains(static_cast<int>(fd))) victim.ask("close " + std::to_string(fd));
    }
    CHECK(victim.ask("errors").starts_with("0 "));
}

}  // namespace unwait::test
