// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "pidfd.hpp"
#include "surgeon.hpp"
#include "victim.hpp"

namespace unwait::test {
namespace {

using ptrace::Cut;
using ptrace::CutEnding;
using ptrace::Operation;

std::uint64_t start_time_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    text = text.substr(text.rfind(')') + 2);
    std::istringstream fields(text);
    std::string field;
    for (int i = 3; i <= 22; ++i) fields >> field;
    return std::stoull(field);
}

std::string thread_state(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    return text.substr(text.rfind(')') + 2, 1);
}

std::string tracer_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("TracerPid:")) return line.substr(11);
    }
    return "?";
}

std::string vdso_bytes(pid_t pid) {
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find("[vdso]") == std::string::npos) continue;
        const auto begin = std::stoull(line, nullptr, 16);
        const auto end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
        std::ifstream memory("/proc/" + std::to_string(pid) + "/mem", std::ios::binary);
        memory.seekg(static_cast<std::streamoff>(begin));
        std::string bytes(end - begin, '\0');
        memory.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return bytes;
    }
    return {};
}

/// References to the victim's fds, and the cuts that go with them.
struct Cuts {
    Cuts(const Victim& victim, const std::vector<std::uint64_t>& fds) {
        const auto pidfd = sys::PidFd::open(victim.pid());
        for (const auto number : fds) {
            const int fd = static_cast<int>(number);
            references.push_back(pidfd->get_fd(fd).value());
            cuts.push_back({.fd = fd, .reference = references.back().get(), .close_on_exec = true});
        }
    }
    std::vector<sys::Fd> references;
    std::vector<Cut> cuts;
};

ptrace::Patient patient_of(const Victim& victim, Freeze freeze = Freeze::all) {
    return {.id = {victim.pid(), start_time_of(victim.pid())},
            .table = victim.pid(),
            .sharers = {},
            .freeze = freeze};
}

void check_nothing_else_changed(Victim& victim) {
    CHECK(victim.alive());
    CHECK(tracer_of(victim.pid()) == "0");
    CHECK(victim.ask("errors").starts_with("0 "));
}

}  // namespace

TEST_CASE("close and replace one fd, and nothing else") {
    for (const auto operation : {Operation::close, Operation::replace}) {
        for (const auto freeze : {Freeze::all, Freeze::one}) {
            CAPTURE(operation);
            CAPTURE(freeze);
            Victim victim({"close-wait"});
            const auto vdso = vdso_bytes(victim.pid());
            auto before = victim.fds();
            const Cuts cuts(victim, {victim.number("fd")});
            const auto surgery = ptrace::operate(patient_of(victim, freeze), operation, cuts.cuts);
            CHECK(surgery.refusal == "");
            REQUIRE(surgery.cuts.size() == 1);
            CHECK(surgery.cuts[0].ending == CutEnding::done);
            CHECK(surgery.cuts[0].stopped.count() > 0);
            CHECK(surgery.cuts[0].stopped.count() < 20'000);
            auto after = victim.fds();
            if (operation == Operation::replace) {
                CHECK(after.at(victim.fd()) != before.at(victim.fd()));
                CHECK(after.at(victim.fd()) != 0);
                after.erase(victim.fd());
            }
            before.erase(victim.fd());
            CHECK(after == before);
            CHECK(vdso_bytes(victim.pid()) == vdso);
            check_nothing_else_changed(victim);
        }
    }
}

TEST_CASE("a number that leads elsewhere is left alone") {
    Victim victim({"reused"});
    const Cuts cuts(victim, {victim.number("fd")});
    victim.ask("reuse");
    const auto before = victim.fds();
    const auto surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
    CHECK(surgery.refusal == "");
    CHECK(surgery.cuts[0].ending == CutEnding::changed);
    CHECK(victim.fds() == before);
    check_nothing_else_changed(victim);
}

TEST_CASE("many fds go in chunks") {
    for (const auto operation : {Operation::close, Operation::replace}) {
        Victim victim({"close-wait", "count=1000"});
        const Cuts cuts(victim, victim.numbers("fds"));
        const auto surgery = ptrace::operate(patient_of(victim), operation, cuts.cuts);
        CHECK(surgery.refusal == "");
        CHECK(std::ranges::all_of(surgery.cuts,
                                  [](const auto& cut) { return cut.ending == CutEnding::done; }));
        check_nothing_else_changed(victim);
    }
}

TEST_CASE("every thread is held, however many there are") {
    Victim victim({"sleepers", "threads=500"});
    const Cuts cuts(victim, {victim.number("fd")});
    const auto surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
    CHECK(surgery.refusal == "");
    CHECK(surgery.cuts[0].ending == CutEnding::done);
    check_nothing_else_changed(victim);
}

TEST_CASE("threads that begin and end meanwhile are held too") {
    Victim victim({"churn", "count=200"});
    for (const auto fd : victim.numbers("fds")) {
        const Cuts cuts(victim, {fd});
        const auto surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
        CHECK(surgery.refusal == "");
        CHECK(surgery.cuts[0].ending == CutEnding::done);
    }
    check_nothing_else_changed(victim);
}

TEST_CASE("no blocking call notices") {
    Victim victim({"all-blocking-calls"});
    const auto before = victim.ask("results");
    for (int round = 0; round < 20; ++round) {
        const auto fd = victim.ask_number("open /dev/null");
        const Cuts cuts(victim, {fd});
        const auto operation = round % 2 == 0 ? Operation::close : Operation::replace;
        const auto surgery = ptrace::operate(patient_of(victim), operation, cuts.cuts);
        CHECK(surgery.refusal == "");
        CHECK(surgery.cuts[0].ending == CutEnding::done);
    }
    CHECK(victim.ask("results") == before);
    check_nothing_else_changed(victim);
}

TEST_CASE("registers and flags stay as they are") {
    for (const auto* scenario : {"registers"}) {
        Victim victim({scenario});
        for (int round = 0; round < 200; ++round) {
            const auto fd = victim.ask_number("open /dev/null");
            const Cuts cuts(victim, {fd});
            const auto surgery =
                ptrace::operate(patient_of(victim, round % 2 == 0 ? Freeze::all : Freeze::one),
                                round % 3 == 0 ? Operation::replace : Operation::close, cuts.cuts);
            CHECK(surgery.refusal == "");
            CHECK(surgery.cuts[0].ending == CutEnding::done);
        }
        check_nothing_else_changed(victim);
    }
}

TEST_CASE("a stopped process stays stopped") {
    Victim victim({"close-wait"});
    const Cuts cuts(victim, {victim.number("fd")});
    kill(victim.pid(), SIGSTOP);
    while (thread_state(victim.pid()) != "T") sched_yield();
    const auto surgery = ptrace::operate(patient_of(victim), Operation::close, cuts.cuts);
    CHECK(surgery.refusal == "");
    CHECK(surgery.cuts[0].ending == CutEnding::done);
    CHECK(thread_state(victim.pid()) == "T");
    kill(victim.pid(), SIGCONT);
    check_nothing_else_changed(victim);
}

}  // namespace unwait::test
