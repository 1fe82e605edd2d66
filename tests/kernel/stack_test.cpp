// SPDX-License-Identifier: MIT
// Stacks of threads that sleep and that run, and what the threads notice of it.
#include "stack.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "code_map.hpp"
#include "process.hpp"
#include "stack_sample.hpp"
#include "victim.hpp"

namespace unwait::ptrace {
namespace {

using test::Victim;

Stack stack_of_thread(const Victim& victim, std::uint64_t tid) {
    const auto id = proc::read_id(victim.pid());
    REQUIRE(id);
    const auto thread = static_cast<pid_t>(tid);
    return stacks_of(*id, {&thread, 1}).at(thread);
}

bool mentions(const Stack& stack, std::string_view function) {
    return std::ranges::any_of(stack.frames, [function](const StackFrame& frame) {
        return frame.function.find(function) != std::string::npos;
    });
}

std::string shown(const Stack& stack) {
    std::string text = stack.note;
    for (const StackFrame& frame : stack.frames) text += "\n" + frame.function + " " + frame.object;
    return text;
}

TEST_CASE("the stack of a thread that sleeps is read without stopping it") {
    Victim victim({"blocked", "call=poll"});
    const Stack stack = stack_of_thread(victim, victim.number("tid"));
    CAPTURE(shown(stack));
    REQUIRE(stack.frames.size() > 2);
    CHECK(stack.frames.front().function.find("poll") != std::string::npos);
    CHECK(mentions(stack, "victim::"));
    CHECK(std::ranges::any_of(
        stack.frames, [](const StackFrame& frame) { return frame.object.ends_with("/victim"); }));
    CHECK(stack.stopped.count() == 0);
    CHECK(victim.ask("results") == "poll=blocked");
}

TEST_CASE("a thread that runs is held for its stack, and runs on") {
    Victim victim({"spinner"});
    const Stack stack = stack_of_thread(victim, victim.number("tids"));
    CAPTURE(shown(stack));
    CHECK_FALSE(stack.frames.empty());
    CHECK(stack.stopped.count() > 0);
    victim.ask("reset");
    while (victim.ask_number("gap") == 0) {
    }
}

TEST_CASE("a thread in one uninterruptible sleep after the other is held between them") {
    Victim victim({"dozing"});
    const auto id = proc::read_id(victim.pid());
    REQUIRE(id);
    victim.tell("doze");
    for (int round = 0; round < 20; ++round) {
        const StackSample sample = sample_stopped(*id, victim.pid());
        CHECK(sample.refusal == "");
        CHECK_FALSE(sample.stack.empty());
    }
    CHECK(victim.ask_number("wake") > 0);
    CHECK(victim.ask("errors").starts_with("0 "));
}

TEST_CASE("calls are followed out of the vdso, which is no file") {
    Victim victim({"metered"});
    victim.tell("spin");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    Stack stack;
    do {
        stack = stack_of_thread(victim, static_cast<std::uint64_t>(victim.pid()));
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    } while (stack.frames.empty() || stack.frames.front().object != "[vdso]");
    CAPTURE(shown(stack));
    CHECK(mentions(stack, "victim::"));
    CHECK(mentions(stack, "main"));
    CHECK(stack.note.empty());
}

TEST_CASE("no call notices that its thread was held") {
    Victim victim({"all-blocking-calls"});
    const auto before = victim.ask("results");
    const auto id = proc::read_id(victim.pid());
    REQUIRE(id);
    for (const std::uint64_t tid : victim.numbers("tids")) {
        const StackSample sample = sample_stopped(*id, static_cast<pid_t>(tid));
        CHECK(sample.refusal == "");
        CHECK_FALSE(sample.stack.empty());
    }
    CHECK(victim.ask("results") == before);
    CHECK(victim.ask_number("errors") == 0);
}

TEST_CASE("generated code is named by the process, which keeps nobody waiting with it") {
    Victim victim({"blocked", "call=poll"});
    const std::string place = "/tmp/perf-" + std::to_string(victim.pid()) + ".map";
    std::ofstream(place) << "0 ffffffffffffffff generated\n";
    CHECK(stack_of_thread(victim, victim.number("tid")).frames.at(0).function == "generated");
    std::filesystem::remove(place);
    REQUIRE(::mkfifo(place.c_str(), 0600) == 0);
    const Stack stack = stack_of_thread(victim, victim.number("tid"));
    CAPTURE(shown(stack));
    CHECK(mentions(stack, "poll"));
    std::filesystem::remove(place);
}

TEST_CASE("all threads of a process are read, however many") {
    Victim victim({"all-blocking-calls"});
    const auto before = victim.ask("results");
    const auto id = proc::read_id(victim.pid());
    REQUIRE(id);
    std::vector<pid_t> tids;
    for (const std::uint64_t tid : victim.numbers("tids")) tids.push_back(static_cast<pid_t>(tid));
    REQUIRE(tids.size() > 16);
    const auto stacks = stacks_of(*id, tids);
    CHECK(stacks.size() == tids.size());
    for (const auto& [tid, stack] : stacks) {
        CAPTURE(tid);
        CAPTURE(shown(stack));
        CHECK(mentions(stack, "victim::"));
    }
    CHECK(victim.ask("results") == before);
    CHECK(victim.ask_number("errors") == 0);
}

TEST_CASE("a thread that has ended, or does not sleep, has no sample") {
    Victim victim({"spinner"});
    CHECK(sample_asleep(static_cast<pid_t>(victim.number("tids"))).refusal ==
          "it does not sleep in a system call");
    const auto id = proc::read_id(victim.pid());
    REQUIRE(id);
    CHECK(sample_stopped(*id, 1).refusal == "it has ended");
}

TEST_CASE("code is where the maps and the perf map say") {
    CodeMap map;
    map.take_maps(
        "1000-2000 r--p 00000000 08:01 7 /lib/a b.so\n"
        "2000-3000 r-xp 00000000 08:01 7                 /lib/a b.so\n"
        "5000-6000 rwxp 00000000 00:00 0 \n"
        "malformed\n");
    map.take_perf_map("5000 100 LazyCompile:~f /app/x y.js:1\n5080 20 g\n50c0 zz bad\n");
    CHECK(map.object_at(0x2fff) == "/lib/a b.so");
    CHECK_FALSE(map.is_code(0x1000));
    CHECK_FALSE(map.is_code(0x3000));
    CHECK(map.is_code(0x5000));
    CHECK(map.object_at(0x5000).empty());
    CHECK(map.generated_at(0x5001)->function == "LazyCompile:~f /app/x y.js:1");
    CHECK(map.generated_at(0x5081)->function == "g");
    CHECK_FALSE(map.generated_at(0x5100));
}

}  // namespace
}  // namespace unwait::ptrace
