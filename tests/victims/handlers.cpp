// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csetjmp>
#include <csignal>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "connections.hpp"
#include "old_calls.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

/// What the thread and who sends it signals both see.
struct Counts {
    std::atomic<std::uint64_t> sent;
    std::atomic<std::uint64_t> handled;
    std::atomic<std::uint64_t>
        ended;  ///< calls that ended as they must, or handlers that left them
    std::atomic<pid_t> tid;
};

Counts* counts = nullptr;
std::array<char, 65536> handler_stack;
sigjmp_buf before_call;
bool leaves_by_jump = false;

/// A call that a signal ends.
struct Call {
    long number;   ///< as /proc/PID/task/TID/syscall shows it
    bool unmasks;  ///< the signal, which is blocked but for the call
    std::function<long()> make;
};

bool is_on_handler_stack() {
    const volatile char here = 0;
    const auto at = reinterpret_cast<std::uintptr_t>(&here);
    return at - reinterpret_cast<std::uintptr_t>(handler_stack.data()) < handler_stack.size();
}

void on_signal(int) {
    const int error = errno;
    if (!is_on_handler_stack()) count_error("a handler's stack");
    ++counts->handled;
    errno = error;
    if (leaves_by_jump) siglongjmp(before_call, 1);
}

Call find_call(const std::string& name) {
    static std::uint32_t futex_word = 0;
    static const std::uint64_t nothing_blocked = 0;
    constexpr std::size_t mask_size = sizeof nothing_blocked;
    static const timespec hour{3600, 0};
    static epoll_event event{};
    static std::array<int, 2> silence{};
    if (silence[0] == 0) must(pipe2(silence.data(), O_CLOEXEC), "pipe2");
    static const int epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    const std::map<std::string, Call> calls{
        {"read", {SYS_read, false, [] { return syscall(SYS_read, silence[0], &event, 1); }}},
        {"nanosleep",
         {SYS_nanosleep, false, [] { return syscall(SYS_nanosleep, &hour, nullptr); }}},
        {"futex",
         {SYS_futex, false, [] { return syscall(SYS_futex, &futex_word, FUTEX_WAIT, 0, &hour); }}},
        {"futex without a timeout",
         {SYS_futex, false,
          [] { return syscall(SYS_futex, &futex_word, FUTEX_WAIT, 0, nullptr); }}},
        {"epoll_pwait",
         {SYS_epoll_pwait, false,
          [] { return syscall(SYS_epoll_pwait, epoll, &event, 1, -1, nullptr, mask_size); }}},
        {"pause", {call_of_pause, false, [] { return pause(); }}},
        {"rt_sigsuspend",
         {SYS_rt_sigsuspend, true,
          [] { return syscall(SYS_rt_sigsuspend, &nothing_blocked, mask_size); }}},
        {"ppoll",
         {SYS_ppoll, true,
          [] { return syscall(SYS_ppoll, nullptr, 0, nullptr, &nothing_blocked, mask_size); }}},
        {"epoll_pwait with a mask",
         {SYS_epoll_pwait, true,
          [] {
              return syscall(SYS_epoll_pwait, epoll, &event, 1, -1, &nothing_blocked, mask_size);
          }}},
    };
    const auto found = calls.find(name);
    if (found != calls.end()) return found->second;
    errno = EINVAL;
    fail("call=" + name);
}

/// Whether the thread waits in the call, or goes on with it, asked from another process.
bool is_asleep_in(pid_t victim, long number) {
    const std::string path =
        "/proc/" + std::to_string(victim) + "/task/" + std::to_string(counts->tid) + "/syscall";
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) _exit(0);
    std::array<char, 32> text{};
    const ssize_t size = read(fd, text.data(), text.size());
    close(fd);
    long shown = -1;
    return size > 0 && std::from_chars(text.data(), text.data() + size, shown).ec == std::errc{} &&
           (shown == number || shown == SYS_restart_syscall);
}

/// One signal after the other, the next one when the call has ended for the last.
[[noreturn]] void send_for_ever(pid_t victim, const Call& call) {
    for (;;) {
        while (counts->ended != counts->sent) sched_yield();
        while (!call.unmasks && !is_asleep_in(victim, call.number)) sched_yield();
        ++counts->sent;
        if (syscall(SYS_tgkill, victim, counts->tid.load(), SIGUSR1) != 0) _exit(0);
    }
}

/// The last kilobyte above a page that nobody may touch, as of a stack that is nearly full.
void give_scarce_stack(ucontext_t& context) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* memory = mmap(nullptr, 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap of a stack");
    char* const stack = static_cast<char*>(memory) + page;
    must(mprotect(stack, page, PROT_READ | PROT_WRITE), "mprotect of a stack");
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = 1024;
}

Call chosen{};
bool restarts = false;

void make_calls() {
    for (;;) {
        const std::uint64_t before = counts->handled;
        if (leaves_by_jump && sigsetjmp(before_call, 1) != 0) {
            ++counts->ended;
            continue;
        }
        const long result = chosen.make();
        const bool is_right =
            !restarts && result == -1 && errno == EINTR && counts->handled == before + 1;
        if (!is_right) count_error("a call that a signal ends");
        ++counts->ended;
    }
}

void take_signals() {
    const stack_t stack{
        .ss_sp = handler_stack.data(), .ss_flags = 0, .ss_size = handler_stack.size()};
    must(sigaltstack(&stack, nullptr), "sigaltstack");
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    must(pthread_sigmask(chosen.unmasks ? SIG_BLOCK : SIG_UNBLOCK, &mask, nullptr),
         "pthread_sigmask");
    counts->tid = gettid();
    static ucontext_t back{};
    static ucontext_t context{};
    must(getcontext(&context), "getcontext");
    give_scarce_stack(context);
    makecontext(&context, make_calls, 0);
    must(swapcontext(&back, &context), "swapcontext");
}

/// A thread with hardly any stack in a call (call=NAME) that a signal ends, again and again; its
/// handler has a stack of its own. Another process sends the signals, each when the call has ended
/// for the last. restart=1: the call goes on (SA_RESTART). jump=1: the handler leaves it
/// (siglongjmp). The answer to `calls` tells sent, handled and ended.
void handlers(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    void* memory =
        mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap of the counts");
    counts = new (memory) Counts{};
    chosen = find_call(arguments.text("call", "read"));
    restarts = arguments.number("restart", 0) != 0;
    leaves_by_jump = arguments.number("jump", 0) != 0;
    struct sigaction action {};
    action.sa_handler = [](int number) {
        on_signal(number);
        // Where the call goes on, nobody else can tell.
        if (restarts) ++counts->ended;
    };
    action.sa_flags = SA_ONSTACK | (restarts ? SA_RESTART : 0);
    must(sigaction(SIGUSR1, &action, nullptr), "sigaction");
    std::thread(take_signals).detach();
    await([] { return counts->tid != 0; }, "a thread that takes signals");
    const pid_t victim = getpid();
    if (fork_child() == 0) send_for_ever(victim, chosen);
    await([] { return counts->ended > 2; }, "calls that signals end");
    stage.answer("calls", [](const std::string&) {
        return "sent=" + std::to_string(counts->sent) +
               " handled=" + std::to_string(counts->handled) +
               " ended=" + std::to_string(counts->ended);
    });
}

std::atomic<std::uint64_t> traps{0};

void trap() {
#ifdef __x86_64__
    asm volatile("int3");
#else
    raise(SIGTRAP);
#endif
}

/// A thread to which SIGTRAP means something: trap=handled, it runs into breakpoints of its own all
/// the time, told by `traps`, each of which its handler must see once; trap=blocked, one waits for
/// it; trap=ignored.
void own_traps(Stage& stage, const Arguments& arguments) {
    make_close_wait(stage, arguments);
    const std::string how = arguments.text("trap", "handled");
    struct sigaction action {};
    action.sa_handler = how == "ignored" ? SIG_IGN : [](int) { ++traps; };
    must(sigaction(SIGTRAP, &action, nullptr), "sigaction");
    static std::atomic<pid_t> tid{0};
    std::thread([how] {
        sigset_t mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGTRAP);
        if (how == "blocked") must(pthread_sigmask(SIG_BLOCK, &mask, nullptr), "pthread_sigmask");
        if (how != "handled") raise(SIGTRAP);
        tid = gettid();
        for (std::uint64_t made = 0; how == "handled";) {
            trap();
            if (traps != ++made) count_error("a breakpoint");
        }
        for (;;) pause();
    }).detach();
    await([] { return tid != 0; }, "a thread with SIGTRAP");
    stage.tell("tid", tid.load());
    stage.answer("traps", [](const std::string&) { return std::to_string(traps); });
}

constexpr std::array table{NamedScenario{"handlers", handlers},
                           NamedScenario{"own-traps", own_traps}};

}  // namespace

std::span<const NamedScenario> handler_scenarios() { return table; }

}  // namespace victim
