// SPDX-License-Identifier: MIT
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <list>
#include <mutex>
#include <thread>

#include "connections.hpp"
#include "register_round.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

/// A system call and what it must return.
struct Call {
    std::array<std::uint64_t, 6> arguments{};  ///< rdi rsi rdx r10 r8 r9
    std::uint64_t number = 0;
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

Call call_of(const std::string& mode) {
    static timespec millisecond{0, 1'000'000};
    static std::uint32_t futex_word = 0;
    static thread_local std::array<char, 16> buffer{};
    if (mode == "getpid") return {{}, SYS_getpid, getpid()};
    if (mode == "nanosleep") return {{address_of(millisecond), 0}, SYS_nanosleep, 0};
    if (mode == "futex") {
        return {{address_of(futex_word), 0, 0, address_of(millisecond)}, SYS_futex, -ETIMEDOUT};
    }
    if (mode == "poll") return {{0, 0, 1}, SYS_poll, 0};
    if (mode == "read") {
        return {{static_cast<std::uint64_t>(bell[0]), address_of(buffer), 1}, SYS_read, 1};
    }
    if (mode == "epoll_wait") {
        const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
        return {{static_cast<std::uint64_t>(epoll), address_of(buffer), 1, 1}, SYS_epoll_wait, 0};
    }
    errno = EINVAL;
    fail("mode=" + mode);
}

void prepare(RegisterFrame& frame, const Call& call) {
    constexpr std::array<std::size_t, 6> places{5, 4, 3, 9, 7, 8};
    for (std::size_t i = 0; i < places.size(); ++i) {
        frame.general_in[places[i]] = call.arguments[i];
    }
    frame.general_in[0] = call.number;
}

void note(const std::string& difference) {
    const std::lock_guard lock(checker.mutex);
    if (checker.first.empty()) checker.first = difference;
    ++checker.broken;
}

void check_in_user_mode() {
    RegisterFrame frame;
    for (;; ++checker.rounds) {
        load_known_values(frame);
        round_in_user_mode(frame);
        if (const auto difference = first_difference(frame, false); !difference.empty()) {
            note(difference);
        }
    }
}

void check_around(const std::string& mode) {
    const Call call = call_of(mode);
    RegisterFrame frame;
    for (;; ++checker.rounds) {
        load_known_values(frame);
        prepare(frame, call);
        round_with_system_call(frame);
        if (const auto difference = first_difference(frame, true); !difference.empty()) {
            note(difference);
        }
        const auto result = static_cast<std::int64_t>(frame.general_out[0]);
        if (result == -EINTR) {
            count_error("a system call between checked registers");
        } else if (result != call.result) {
            note("rax=" + std::to_string(result));
        }
    }
}

/// threads=N threads keep known values in every register and look whether they stay:
/// mode=user all the time in user mode, mode=getpid|nanosleep|futex|poll|epoll_wait|read around
/// that system call. The answer to `regs` tells rounds, broken and the first register that was.
/// With mode=read a round ends at the question `wake`.
void registers(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    must(pipe(bell.data()), "pipe");
    const std::string mode = arguments.text("mode", "user");
    std::vector<int> tids;
    for (long i = arguments.number("threads", 1); i > 0; --i) {
        static std::atomic<int> tid;
        tid = 0;
        std::thread([mode] {
            tid = gettid();
            if (mode == "user") check_in_user_mode();
            check_around(mode);
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
