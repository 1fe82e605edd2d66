// SPDX-License-Identifier: MIT
// Who may be touched under Yama, by whom, and what is said where it forbids that.
#include "yama.hpp"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "operating.hpp"
#include "preflight.hpp"
#include "remedy_run.hpp"

namespace unwait::test {
namespace {

using ptrace::CutEnding;
using ptrace::Operation;

constexpr uid_t nobody = 65534;

/// kernel.yama.ptrace_scope, until the end of the block.
class Scope {
public:
    /// Absent where the kernel has no Yama, or will not have it changed any more.
    [[nodiscard]] static std::optional<int> changeable() {
        const auto now = sys::yama_scope();
        if (now && *now < sys::yama_nobody) return now;
        MESSAGE("not on this kernel: Yama");
        return std::nullopt;
    }

    explicit Scope(int scope) : before_(sys::yama_scope().value()) { set(scope); }
    ~Scope() {
        if (sys::yama_scope() != sys::yama_nobody) set(before_);
    }
    Scope(Scope&&) = delete;
    Scope& operator=(Scope&&) = delete;

private:
    static void set(int scope) {
        std::ofstream("/proc/sys/kernel/yama/ptrace_scope") << scope << std::flush;
        CHECK(sys::yama_scope() == scope);
    }
    int before_;
};

void become_nobody() {
    const bool is_nobody = ::setresgid(nobody, nobody, nobody) == 0 &&
                           ::setresuid(nobody, nobody, nobody) == 0 &&
                           ::prctl(PR_SET_DUMPABLE, 1) == 0;
    if (!is_nobody) ::_exit(1);
}

/// What stands against a remedy of that user; "nothing" when nothing does.
std::string obstacle_for_nobody(const Victim& victim) {
    const auto patient = patient_of(victim);
    return told_by_child([&patient] {
        become_nobody();
        return ptrace::obstacle(patient.id, patient.table).value_or("nothing");
    });
}

bool is_about_yama(const std::string& text) {
    return text.find("kernel.yama.ptrace_scope") != std::string::npos;
}

}  // namespace

TEST_CASE("under Yama root may do all that is done without it") {
    if (!Scope::changeable()) return;
    for (const int value : {0, 1, 2}) {
        CAPTURE(value);
        const Scope scope(value);
        for (const Action action : {Action::shutdown, Action::close, Action::replace}) {
            Victim victim({"close-wait"});
            Witness witness(victim);
            const auto outcome = remedy(victim, policy_of({action}));
            INFO(outcome.detail);
            CHECK(outcome.result == Result::cleared);
            witness.check_unharmed({victim.fd()});
        }
    }
}

TEST_CASE("under Yama other users are told what forbids it") {
    if (!Scope::changeable()) return;
    Victim victim({"close-wait", "uid=" + std::to_string(nobody)});
    const auto before = victim.fds();
    for (const int value : {0, 1, 2}) {
        const Scope scope(value);
        const auto obstacle = obstacle_for_nobody(victim);
        CAPTURE(obstacle);
        CHECK((obstacle == "nothing") == (value == 0));
        CHECK(is_about_yama(obstacle) == (value > 0));
    }
    CHECK(victim.fds() == before);
    CHECK(victim.ask("errors").starts_with("0 "));
}

TEST_CASE("under Yama a process that may reach its child, but whose surgeon may not, is refused") {
    if (!Scope::changeable()) return;
    for (const int value : {0, 1, 2}) {
        CAPTURE(value);
        const Scope scope(value);
        const auto told = told_by_child([] {
            become_nobody();
            Victim victim({"close-wait"});
            const auto before = victim.fds();
            const ptrace::Cut cut{.fd = victim.fd(), .inode = victim.number("inode")};
            const auto surgery = ptrace::operate(patient_of(victim), Operation::close, {&cut, 1});
            const bool is_done = surgery.cuts[0].ending == CutEnding::done;
            if (victim.ask("errors") != "0 none") return std::string("errors");
            if (is_done != surgery.refusal.empty()) return std::string("no refusal");
            if ((victim.fds() == before) == is_done) return std::string("something else changed");
            return is_done ? "done" : surgery.refusal;
        });
        CAPTURE(told);
        CHECK((told == "done") == (value == 0));
        CHECK((told.find("Operation not permitted") != std::string::npos ||
               told.find("Permission denied") != std::string::npos) == (value > 0));
    }
}

// The scope stays until the next boot: for a machine that is there for these tests alone.
TEST_CASE("where Yama forbids it to root, that is said, and nothing is done" *
          doctest::test_suite("until-reboot") * doctest::skip()) {
    if (!Scope::changeable()) return;
    Victim victim({"close-wait"});
    Witness witness(victim);
    const Scope scope(sys::yama_nobody);
    const auto patient = patient_of(victim);
    CHECK(is_about_yama(ptrace::obstacle(patient.id, patient.table).value_or("nothing")));
    const ptrace::Cut cut{.fd = victim.fd(), .inode = victim.number("inode")};
    const auto surgery = ptrace::operate(patient, Operation::close, {&cut, 1});
    CHECK(surgery.refusal != "");
    CHECK(surgery.cuts[0].ending == CutEnding::untouched);
    const Plan plan = plan_for(victim, policy_of({}));
    CHECK(plan.steps.empty());
    REQUIRE(plan.left_alone.size() == 1);
    CHECK(is_about_yama(plan.left_alone[0].text.str()));
    witness.check_unharmed({});
    const auto outcome = remedy(victim, policy_of({Action::destroy}));
    CHECK(outcome.state_after != TcpState::close_wait);
    witness.check_unharmed({});
}

}  // namespace unwait::test
