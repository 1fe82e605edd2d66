// SPDX-License-Identifier: MIT
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <mutex>
#include <random>
#include <thread>

#include "connections.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

/// The assembly knows these offsets.
struct Frame {
    std::array<std::uint64_t, 31> x_in{};
    std::uint64_t flags_in = 0;  // 248
    std::array<std::uint64_t, 31> x_out{};
    std::uint64_t flags_out = 0;                           // 504
    std::array<std::array<std::uint64_t, 2>, 32> v_in{};   // 512
    std::array<std::array<std::uint64_t, 2>, 32> v_out{};  // 1024
};
static_assert(offsetof(Frame, v_out) == 1024);

// Loads every register, goes through the body, stores every register.
asm(R"(
.macro victim_round name, body:vararg
    .globl \name
    .hidden \name
    .type \name, %function
\name:
    stp x29, x30, [sp, #-192]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    str x0, [sp, #160]
    ldr x1, [x0, #248]
    msr nzcv, x1
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ldr q\n, [x0, #512 + 16 * \n]
    .endr
    .irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    ldr x\n, [x0, #8 * \n]
    .endr
    ldr x0, [x0]
    \body
    str x0, [sp, #168]
    ldr x0, [sp, #160]
    .irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    str x\n, [x0, #256 + 8 * \n]
    .endr
    .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    str q\n, [x0, #1024 + 16 * \n]
    .endr
    mrs x1, nzcv
    str x1, [x0, #504]
    ldr x1, [sp, #168]
    str x1, [x0, #256]
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #192
    ret
.endm
.text
victim_round victim_user, .fill 20000, 4, 0xd503201f
victim_round victim_call, svc #0
)");

extern "C" void victim_user(Frame* frame);
extern "C" void victim_call(Frame* frame);

struct Call {
    std::array<std::uint64_t, 6> arguments{};
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

thread_local timespec millisecond{};

Call call_of(const std::string& mode) {
    static std::uint32_t futex_word = 0;
    static thread_local std::array<char, 16> buffer{};
    if (mode == "getpid") return {{}, SYS_getpid, getpid()};
    if (mode == "nanosleep") return {{address_of(millisecond), 0}, SYS_nanosleep, 0};
    if (mode == "futex") {
        return {{address_of(futex_word), 0, 0, address_of(millisecond)}, SYS_futex, -ETIMEDOUT};
    }
    if (mode == "poll") return {{0, 0, address_of(millisecond), 0, 8}, SYS_ppoll, 0};
    if (mode == "read") {
        return {{static_cast<std::uint64_t>(bell[0]), address_of(buffer), 1}, SYS_read, 1};
    }
    if (mode == "epoll_wait") {
        const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
        return {{static_cast<std::uint64_t>(epoll), address_of(buffer), 1, 1}, SYS_epoll_pwait, 0};
    }
    errno = EINVAL;
    fail("mode=" + mode);
}

void note(const std::string& difference) {
    const std::lock_guard lock(checker.mutex);
    if (checker.first.empty()) checker.first = difference;
    ++checker.broken;
    count_error("checked registers");
}

void load_known_values(Frame& frame) {
    static thread_local std::mt19937_64 random{std::random_device{}()};
    for (auto& value : frame.x_in) value = random();
    for (auto& vector : frame.v_in) vector = {random(), random()};
    frame.flags_in = random() & 0xf0000000;
}

void compare(const Frame& frame, bool with_call) {
    for (std::size_t i = with_call ? 1 : 0; i < frame.x_in.size(); ++i) {
        // A sleep that is continued is another call: the kernel changes x8 then.
        if (with_call && i == 8 && frame.x_out[i] == SYS_restart_syscall) continue;
        if (frame.x_in[i] != frame.x_out[i]) note("x" + std::to_string(i));
    }
    if (frame.v_in != frame.v_out) note("v");
    if (frame.flags_in != frame.flags_out) note("nzcv");
}

void check(const std::string& mode) {
    Frame frame;
    const bool with_call = mode != "user";
    const Call call = with_call ? call_of(mode) : Call{};
    for (;; ++checker.rounds) {
        load_known_values(frame);
        if (!with_call) {
            victim_user(&frame);
            compare(frame, false);
            continue;
        }
        std::copy(call.arguments.begin(), call.arguments.end(), frame.x_in.begin());
        frame.x_in[8] = call.number;
        millisecond = {0, 1'000'000};  // ppoll leaves what remained
        victim_call(&frame);
        compare(frame, true);
        const auto result = static_cast<std::int64_t>(frame.x_out[0]);
        if (result != call.result) note("x0=" + std::to_string(result));
    }
}

/// As the scenario of this name on x86-64: known values in every register.
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
            check(mode);
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
std::span<const NamedScenario> foreign_code_scenarios() { return {}; }

}  // namespace victim
