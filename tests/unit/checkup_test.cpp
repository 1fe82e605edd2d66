// SPDX-License-Identifier: MIT
#include "checkup.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "samples.hpp"

namespace unwait {
namespace {

constexpr int sys_ptrace = 19;

Trial works() { return {true, 0, "it was tried"}; }

/// Everything works, for root.
MachineFacts good_machine() {
    MachineFacts facts;
    facts.release = "6.1.0-21-amd64";
    facts.hardware = "x86_64";
    facts.lists = facts.destroys = facts.opens = facts.duplicates = facts.compares = works();
    facts.closes = facts.replaces = facts.closes_filtered = facts.realtime = works();
    facts.tells_sequences = facts.tells_dispatch = facts.describes_types = true;
    facts.has_journal = true;
    facts.user = "root";
    facts.capabilities = ~std::uint64_t{0};
    facts.processes = 100;
    return facts;
}

/// The same for an ordinary user.
MachineFacts users_machine() {
    MachineFacts facts = good_machine();
    facts.uid = 1000;
    facts.user = "alice";
    facts.capabilities = 0;
    return facts;
}

/// nginx of the samples, with which all can be done.
ProcessFacts good_process() {
    ProcessFacts facts;
    facts.process = *samples::nginx().process;
    facts.pid = facts.leader = facts.process->id.pid;
    facts.threads = facts.able = 4;
    facts.abi = "x86-64";
    facts.dumpable = facts.same_user_namespace = true;
    facts.duplicates = facts.memory = works();
    facts.close = facts.replace = Rehearsed{"", 200, std::chrono::microseconds{40}, false};
    return facts;
}

const Check* find(const std::vector<Check>& checks, std::string_view code) {
    const auto found = std::ranges::find(checks, code, &Check::code);
    return found == checks.end() ? nullptr : &*found;
}

void check_says(const std::vector<Check>& checks, std::string_view code, std::string_view why,
                std::string_view remedy) {
    CAPTURE(code);
    const Check* check = find(checks, code);
    REQUIRE(check != nullptr);
    CHECK_FALSE(check->works);
    CAPTURE(check->why);
    CAPTURE(check->remedy);
    CHECK(check->why.find(why) != std::string::npos);
    CHECK(check->remedy.find(remedy) != std::string::npos);
}

std::vector<Check> of_process(const ProcessFacts& facts, const MachineFacts& machine,
                              std::vector<Action> actions = {}) {
    return check_process(facts, machine, {std::move(actions), {facts.pid}}, samples::self());
}

}  // namespace

TEST_CASE("what is asked about: auto, and destroy too where no process is named") {
    using enum Action;
    CHECK(wanted_actions({}) == std::vector{shutdown, close, replace, destroy});
    CHECK(wanted_actions({{}, {12}}) == std::vector{shutdown, close, replace});
    CHECK(wanted_actions({{kill, close, kill}, {}}) == std::vector{close, kill});
}

TEST_CASE("where everything works nothing is wrong, and no remedy is told") {
    for (const CheckupRequest& request : {CheckupRequest{}, CheckupRequest{{}, {4711}}}) {
        auto checks = check_kernel(good_machine(), request);
        std::ranges::move(check_privileges(good_machine(), request), std::back_inserter(checks));
        std::ranges::move(of_process(good_process(), good_machine()), std::back_inserter(checks));
        CHECK(all_needed_work(checks));
        for (const Check& check : checks) {
            CAPTURE(check.code);
            CHECK(check.works);
            CHECK(check.remedy == "");
            CHECK(check.why != "");
            CHECK((check.pid != 0) == (check.subject == Subject::process));
        }
    }
}

TEST_CASE("the kernel's version is a number, not a text") {
    const auto passes = [](const std::string& release) {
        MachineFacts facts = good_machine();
        facts.release = release;
        return find(check_kernel(facts, {}), check_code::version)->works;
    };
    CHECK(passes("5.3"));
    CHECK(passes("5.10.0-8-amd64"));
    CHECK(passes("6.1"));
    CHECK(passes("10.0-rc1"));
    CHECK_FALSE(passes("5.2.21"));
    CHECK_FALSE(passes("4.19.0"));
    CHECK_FALSE(passes("unknown"));
}

TEST_CASE("each failed trial names its remedy, and counts only for what needs it") {
    using enum Action;
    MachineFacts facts = good_machine();
    facts.destroys = {false, EOPNOTSUPP, "the kernel has no SOCK_DESTROY"};
    check_says(check_kernel(facts, {}), check_code::sock_destroy, "no SOCK_DESTROY",
               "CONFIG_INET_DIAG_DESTROY=y");
    CHECK_FALSE(all_needed_work(check_kernel(facts, {})));
    CHECK(all_needed_work(check_kernel(facts, {{shutdown, close}, {}})));
    CHECK(all_needed_work(check_kernel(facts, {{}, {4711}})));
    CHECK_FALSE(all_needed_work(check_kernel(facts, {{destroy}, {4711}})));
    facts.destroys.error = EPERM;
    check_says(check_kernel(facts, {}), check_code::sock_destroy, "", "CAP_NET_ADMIN");
    facts.destroys.error = ENETUNREACH;
    check_says(check_kernel(facts, {}), check_code::sock_destroy, "", "ip link set lo up");

    facts = good_machine();
    facts.duplicates = {false, ENOSYS, "pidfd_getfd: Function not implemented"};
    check_says(check_kernel(facts, {}), check_code::pidfd_getfd, "not implemented", "Linux 5.6");
    CHECK_FALSE(all_needed_work(check_kernel(facts, {})));
    CHECK(all_needed_work(check_kernel(facts, {{close, replace}, {}})));
    facts.duplicates.error = EPERM;
    check_says(check_kernel(facts, {}), check_code::pidfd_getfd, "", "seccomp=unconfined");

    facts = good_machine();
    facts.no_finder = "the kernel has no bpf(2)";
    facts.has_journal = facts.describes_types = facts.tells_dispatch = facts.tells_sequences =
        false;
    facts.compares = {false, ENOSYS, "kcmp: Function not implemented"};
    facts.closes_filtered = {false, 0, "cannot be read"};
    CHECK(all_needed_work(check_kernel(facts, {})));
    check_says(check_kernel(facts, {}), check_code::kcmp, "", "CONFIG_KCMP");
    check_says(check_kernel(facts, {}), check_code::read_filters, "", "CONFIG_CHECKPOINT_RESTORE");
    facts.filters = 1;
    check_says(check_kernel(facts, {}), check_code::read_filters, "",
               "without a filter of its own");
}

TEST_CASE("capabilities are needed for the actions that need them") {
    using enum Action;
    const auto needed = [](std::vector<Action> actions) {
        std::set<std::string_view> codes;
        for (const Check& check : check_privileges(users_machine(), {std::move(actions), {}})) {
            if (check.needed && !check.works) codes.insert(check.code);
        }
        return codes;
    };
    using Codes = std::set<std::string_view>;
    CHECK(needed({shutdown}) == Codes{"cap-sys-ptrace", "cap-dac-read-search"});
    CHECK(needed({close}) == Codes{"cap-sys-ptrace", "cap-dac-read-search", "cap-dac-override"});
    CHECK(needed({destroy}) == Codes{"cap-dac-read-search", "cap-net-admin"});
    CHECK(needed({term}) == Codes{"cap-dac-read-search", "cap-kill"});
    // A process that is named shows itself what can be done with it.
    CHECK(all_needed_work(check_privileges(users_machine(), {{}, {4711}})));
}

TEST_CASE("the greater capability includes the lesser") {
    MachineFacts facts = users_machine();
    facts.capabilities = std::uint64_t{1} << 1 | std::uint64_t{1} << 21;
    const auto checks = check_privileges(facts, {});
    CHECK(find(checks, "cap-dac-read-search")->works);
    CHECK(find(checks, "cap-bpf")->works);
    CHECK(find(checks, "cap-perfmon")->works);
    CHECK_FALSE(find(checks, "cap-sys-nice")->works);
}

TEST_CASE("capabilities of a user namespace count where nobody is outside of it") {
    MachineFacts facts = good_machine();
    facts.in_first_user_namespace = false;
    CHECK(all_needed_work(check_privileges(facts, {})));
    facts.unreachable = 7;
    facts.first_unreachable = 12;
    check_says(check_privileges(facts, {}), "cap-sys-ptrace", "7 processes are outside",
               "first user namespace");
    check_says(check_privileges(facts, {}), check_code::processes, "7 of 100 processes",
               "unwait doctor --pid 12");
    CHECK(find(check_privileges(facts, {}), "cap-net-admin")->works);
    CHECK_FALSE(all_needed_work(check_privileges(facts, {})));
}

TEST_CASE("Yama forbids by its scope") {
    const auto yama = [](int scope, bool privileged) {
        MachineFacts facts = privileged ? good_machine() : users_machine();
        facts.yama = scope;
        return *find(check_privileges(facts, {}), check_code::yama);
    };
    CHECK(yama(0, false).works);
    for (const int scope : {1, 2}) {
        CHECK(yama(scope, true).works);
        CHECK_FALSE(yama(scope, false).works);
        CHECK(yama(scope, false).remedy.find("ptrace_scope=0") != std::string::npos);
    }
    CHECK_FALSE(yama(3, true).works);
    CHECK(yama(3, true).remedy.find("boot") != std::string::npos);
}

TEST_CASE("a filter on unwait itself, a container and a hiding /proc are told") {
    MachineFacts facts = good_machine();
    facts.filters = 2;
    facts.in_first_pid_namespace = false;
    facts.processes_hidden = true;
    const auto checks = check_privileges(facts, {});
    check_says(checks, check_code::seccomp, "2 filters", "outside of the container");
    check_says(checks, check_code::pid_namespace, "this container", "on the host");
    check_says(checks, check_code::hidepid, "hidepid", "CAP_SYS_PTRACE");
    CHECK_FALSE(all_needed_work(checks));
}

TEST_CASE("a frozen process is told of as such, and is no obstacle to a shutdown") {
    ProcessFacts facts = good_process();
    facts.is_frozen = true;
    facts.able = 0;
    facts.close->refusal = facts.replace->refusal = "its cgroup is frozen";
    const auto checks = of_process(facts, good_machine());
    check_says(checks, check_code::state, "frozen by its cgroup", "thaw it");
    check_says(checks, "close", "its cgroup is frozen", "--actions shutdown");
    CHECK_FALSE(all_needed_work(checks));
    const auto outside =
        check_process(facts, good_machine(), {{Action::shutdown}, {}}, samples::self());
    CHECK(all_needed_work(outside));
}

TEST_CASE("of what cannot be treated only that is told") {
    const auto only = [](const ProcessFacts& facts, std::string_view why) {
        const auto checks = of_process(facts, good_machine());
        REQUIRE(checks.size() == 1);
        check_says(checks, check_code::process, why, "");
        CHECK(checks.front().remedy != "");
        CHECK_FALSE(all_needed_work(checks));
    };
    ProcessFacts facts;
    facts.pid = 12;
    only(facts, "no process");
    facts = good_process();
    facts.is_kernel_thread = true;
    only(facts, "kernel");
    facts = good_process();
    facts.leader = 12;
    only(facts, "a thread of pid 12");
    facts = good_process();
    facts.threads = 0;
    only(facts, "has exited");
    facts = good_process();
    facts.pid = facts.leader = facts.process->id.pid = 1;
    only(facts, "pid 1");
    facts.pid = facts.leader = facts.process->id.pid = samples::self().pid;
    only(facts, "unwait itself");
}

TEST_CASE("the most likely cause of a denial") {
    const auto why = [](const MachineFacts& machine, const ProcessFacts& facts) {
        const Denial denial = explain_denial(machine, facts, EPERM);
        CHECK(denial.remedy != "");
        return denial.why;
    };
    const auto contains = [](const std::string& text, std::string_view part) {
        CAPTURE(text);
        CHECK(text.find(part) != std::string::npos);
    };
    ProcessFacts own = good_process();
    own.process->uid = users_machine().uid;
    contains(why(users_machine(), good_process()), "lacks CAP_SYS_PTRACE");
    ProcessFacts secretive = own;
    secretive.dumpable = false;
    contains(why(users_machine(), secretive), "PR_SET_DUMPABLE");
    ProcessFacts mightier = own;
    mightier.has_more_capabilities = true;
    contains(why(users_machine(), mightier), "capabilities that unwait lacks");
    contains(why(users_machine(), own), "security module");
    contains(why(good_machine(), own), "security module");

    MachineFacts machine = users_machine();
    machine.yama = 1;
    contains(why(machine, own), "ptrace_scope is 1");
    machine.capabilities = std::uint64_t{1} << sys_ptrace;
    contains(why(machine, own), "security module");
    machine.yama = 3;
    contains(why(machine, own), "until the next boot");
    machine = good_machine();
    machine.in_first_user_namespace = false;
    ProcessFacts outside = good_process();
    outside.same_user_namespace.reset();
    contains(why(machine, outside), "outside of the user namespace");
    machine = good_machine();
    machine.duplicates = {false, EPERM, "pidfd_getfd: Operation not permitted"};
    contains(why(machine, own), "a process of its own");
    machine.duplicates.error = ENOSYS;
    CHECK(explain_denial(machine, own, ENOSYS).remedy.find("Linux 5.6") != std::string::npos);
}

TEST_CASE("what stands against an action is what the planner would say") {
    using enum Action;
    const auto works_of = [](const std::vector<Check>& checks) {
        std::set<std::string_view> working;
        for (const auto code : {"shutdown", "close", "replace", "destroy", "term", "kill"}) {
            if (find(checks, code)->works) working.insert(code);
        }
        return working;
    };
    using Codes = std::set<std::string_view>;
    ProcessFacts facts = good_process();
    CHECK(works_of(of_process(facts, good_machine())).size() == 6);

    facts.process->tracer = 12;
    facts.tracer_command = "strace";
    facts.close.reset();
    facts.replace.reset();
    CHECK(works_of(of_process(facts, good_machine())) == Codes{"shutdown", "destroy"});
    check_says(of_process(facts, good_machine()), check_code::tracer, "pid 12 (strace)",
               "--actions shutdown");
    CHECK(all_needed_work(of_process(facts, good_machine(), {shutdown})));
    CHECK_FALSE(all_needed_work(of_process(facts, good_machine(), {kill})));

    facts = good_process();
    facts.filtered = 4;
    facts.replace->refusal = "the seccomp filter of thread 4711 stands against dup3()";
    auto checks = of_process(facts, good_machine());
    CHECK(works_of(checks) == Codes{"shutdown", "close", "destroy", "term", "kill"});
    check_says(checks, check_code::seccomp, "dup3()", "--actions shutdown,close");
    CHECK_FALSE(all_needed_work(checks));
    CHECK(all_needed_work(of_process(facts, good_machine(), {close})));

    facts = good_process();
    facts.duplicates = {false, EPERM, "pidfd_getfd: Operation not permitted"};
    CHECK(works_of(of_process(facts, good_machine())) ==
          Codes{"close", "replace", "destroy", "term", "kill"});
    CHECK(all_needed_work(of_process(facts, good_machine(), {close})));

    facts = good_process();
    facts.memory = {false, EACCES, "open of /proc/4711/mem: Permission denied"};
    facts.close->refusal = facts.replace->refusal = facts.memory.why;
    facts.close->room = facts.replace->room = 0;
    checks = of_process(facts, good_machine());
    CHECK(works_of(checks) == Codes{"shutdown", "destroy", "term", "kill"});
    check_says(checks, check_code::memory, "Permission denied", "CAP_DAC_OVERRIDE");
    CHECK(find(checks, check_code::vdso) == nullptr);

    facts = good_process();
    facts.no_listing = "open of /proc/4711/fd: Permission denied";
    CHECK(works_of(of_process(facts, good_machine())) == Codes{"destroy"});
    facts = good_process();
    facts.no_signal = "pidfd_send_signal of pid 4711: Operation not permitted";
    CHECK(works_of(of_process(facts, good_machine())) ==
          Codes{"shutdown", "close", "replace", "destroy"});
    facts = good_process();
    facts.in_own_network = false;
    facts.no_network = "entering it needs root";
    checks = of_process(facts, good_machine(), {shutdown});
    check_says(checks, check_code::network, "entering it", "CAP_SYS_ADMIN");
    CHECK_FALSE(all_needed_work(checks));
}

TEST_CASE("names of processes do not reach a terminal as they are") {
    ProcessFacts facts = good_process();
    facts.process->command = facts.process->exe = facts.tracer_command = "\x1b[31m";
    facts.process->user = facts.process->unit = facts.process->container = "\x1b[31m";
    facts.process->tracer = 12;
    for (const Check& check : of_process(facts, users_machine())) {
        CHECK(check.why.find('\x1b') == std::string::npos);
        CHECK(check.remedy.find('\x1b') == std::string::npos);
    }
}

}  // namespace unwait
