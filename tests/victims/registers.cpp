// SPDX-License-Identifier: MIT
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <mutex>
#include <optional>
#include <thread>

#include "connections.hpp"
#include "register_round.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

/// A system call and what it must return.
struct Call {
    CheckedCall made;
    std::int64_t result = 0;
};

struct Checker {
    std::atomic<std::uint64_t> rounds{0};
    std::atomic<std::uint64_t> broken{0};
    std::mutex mutex;
    std::string first;
};

Checker checker;
std::array<int, 2> bell{};

template <typename Type>
std::uint64_t address_of(Type& object) {
    return reinterpret_cast<std::uint64_t>(&object);
}

thread_local timespec millisecond{};  // ppoll leaves in it what remained

Call call_of(const std::string& mode) {
    static std::uint32_t futex_word = 0;
    static thread_local std::array<char, 16> buffer{};
    if (mode == "getpid") return {{SYS_getpid}, getpid()};
    if (mode == "nanosleep") return {{SYS_nanosleep, {address_of(millisecond), 0}}, 0};
    if (mode == "futex") {
        return {{SYS_futex, {address_of(futex_word), 0, 0, address_of(millisecond)}}, -ETIMEDOUT};
    }
    if (mode == "read") {
        const auto fd = static_cast<std::uint64_t>(bell[0]);
        return {{SYS_read, {fd, address_of(buffer), 1}}, 1};
    }
#ifdef SYS_poll
    if (mode == "poll") return {{SYS_poll, {0, 0, 1}}, 0};
    constexpr std::uint64_t epoll_call = SYS_epoll_wait;
#else
    if (mode == "poll") return {{SYS_ppoll, {0, 0, address_of(millisecond), 0, 8}}, 0};
    constexpr std::uint64_t epoll_call = SYS_epoll_pwait;
#endif
    if (mode == "epoll_wait") {
        const auto epoll =
            static_cast<std::uint64_t>(must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
        return {{epoll_call, {epoll, address_of(buffer), 1, 1}}, 0};
    }
    errno = EINVAL;
    fail("mode=" + mode);
}

void note(const std::string& difference) {
    const std::lock_guard lock(checker.mutex);
    if (checker.first.empty()) checker.first = difference;
    ++checker.broken;
}

void check(const std::string& mode, const std::string& exempt) {
    const bool calls_between = mode == "mixed";
    const auto call = mode == "user" || calls_between ? std::nullopt : std::optional(call_of(mode));
    RegisterRound round;
    for (;; ++checker.rounds) {
        millisecond = {0, 1'000'000};
        const std::int64_t result = call ? round.around(call->made) : 0;
        if (!call) round.in_user_mode();
        const auto difference = round.first_difference();
        if (!difference.empty() && difference != exempt) note(difference);
        if (calls_between) syscall(SYS_getppid);
        if (!call || result == call->result) continue;
        if (result == -EINTR) {
            count_error("a system call between checked registers");
        } else {
            note("result=" + std::to_string(result));
        }
    }
}

/// threads=N threads keep known values in every register and look whether they stay:
/// mode=user all the time in user mode, mode=mixed with a call after each round,
/// mode=getpid|nanosleep|futex|poll|epoll_wait|read around that system call. The answer to `regs`
/// tells rounds, broken and the first register that was; never but=REGISTER. With mode=read a round
/// ends at the question `wake`.
void registers(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    must(pipe(bell.data()), "pipe");
    const std::string mode = arguments.text("mode", "user");
    const std::string exempt = arguments.text("but", "");
    std::vector<int> tids;
    for (long i = arguments.number("threads", 1); i > 0; --i) {
        static std::atomic<int> tid;
        tid = 0;
        std::thread([mode, exempt] {
            tid = gettid();
            check(mode, exempt);
        }).detach();
        await([] { return tid != 0; }, "a thread with checked registers");
        tids.push_back(tid);
    }
    if (mode != "read") await([] { return checker.rounds > 10; }, "rounds of checked registers");
    stage.tell("tids", tids);
    stage.answer("regs", [](const std::string&) {
        const std::lock_guard lock(checker.mutex);
        return "rounds=" + std::to_string(checker.rounds) +
               " broken=" + std::to_string(checker.broken) + " first=" + checker.first;
    });
    stage.answer("wake", [](const std::string&) {
        const std::uint64_t before = checker.rounds;
        must(write(bell[1], "x", 1), "write");
        await([before] { return checker.rounds > before; }, "the end of a round");
        return std::to_string(checker.rounds);
    });
}

constexpr std::array table{NamedScenario{"registers", registers}};

}  // namespace

std::span<const NamedScenario> register_scenarios() { return table; }

}  // namespace victim
