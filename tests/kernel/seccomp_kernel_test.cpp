// SPDX-License-Identifier: MIT
// The evaluator and the kernel agree on random filters.
#include <doctest/doctest.h>
#include <linux/audit.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <random>
#include <vector>

#include "filter_chain.hpp"
#include "seccomp.hpp"

namespace unwait::test {
namespace {

namespace seccomp = ptrace::seccomp;

using Instructions = std::vector<sock_filter>;
using Values = std::array<std::uint64_t, 6>;

// No argument of it matters.
constexpr long probed_call = SYS_getppid;

extern "C" {
extern const char unwait_test_after_probe[];
long unwait_test_probe(const std::uint64_t* values, long number);
}
#ifdef __aarch64__
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
asm(R"(
        .text
        .globl unwait_test_probe, unwait_test_after_probe
unwait_test_probe:
        mov x8, x1
        mov x9, x0
        ldp x0, x1, [x9]
        ldp x2, x3, [x9, #16]
        ldp x4, x5, [x9, #32]
        svc #0
unwait_test_after_probe:
        ret
)");
#else
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
asm(R"(
        .text
        .globl unwait_test_probe, unwait_test_after_probe
unwait_test_probe:
        mov %rsi, %rax
        mov %rdi, %r11
        mov 0(%r11), %rdi
        mov 8(%r11), %rsi
        mov 16(%r11), %rdx
        mov 24(%r11), %r10
        mov 32(%r11), %r8
        mov 40(%r11), %r9
        syscall
unwait_test_after_probe:
        ret
)");
#endif

/// Filters at random, of which the kernel takes many.
class Generator {
public:
    explicit Generator(std::uint32_t seed) : random_(seed) {}

    std::uint32_t below(std::uint32_t limit) {
        return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
    }

    /// Values that meet each other in comparisons.
    std::uint32_t value() {
        constexpr std::array<std::uint32_t, 12> usual{
            0, 1, 2, 3, 7, 31, 32, 64, 0x7fffffff, 0x80000000, 0xffffffff, 5};
        return below(4) == 0 ? static_cast<std::uint32_t>(random_()) : usual[below(usual.size())];
    }

    Values values() {
        Values all{};
        for (auto& one : all) one = value() | std::uint64_t{value()} << 32;
        return all;
    }

    std::uint32_t returned() {
        constexpr std::array<std::uint32_t, 11> actions{
            SECCOMP_RET_ALLOW,         SECCOMP_RET_ALLOW,       SECCOMP_RET_ALLOW,
            SECCOMP_RET_ERRNO | 1,     SECCOMP_RET_ERRNO | 77,  SECCOMP_RET_TRAP | 5,
            SECCOMP_RET_TRAP | 0xffff, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRACE,
            SECCOMP_RET_USER_NOTIF,    SECCOMP_RET_KILL_PROCESS};
        return actions[below(actions.size())];
    }

    Instructions filter() {
        // All calls but one pass, or the process could not even end.
        Instructions all = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
                            {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, probed_call},
                            {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
        const std::uint32_t size = 4 + below(30);
        for (std::uint32_t left = size; left-- > 0;) all.push_back(instruction(left));
        all.push_back({BPF_RET | BPF_K, 0, 0, returned()});
        return all;
    }

private:
    sock_filter instruction(std::uint32_t left) {
        constexpr std::array<std::uint16_t, 10> operations{BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV,
                                                           BPF_AND, BPF_OR,  BPF_XOR, BPF_LSH,
                                                           BPF_RSH, BPF_NEG};
        constexpr std::array<std::uint16_t, 4> comparisons{BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET};
        const auto source = static_cast<std::uint16_t>(below(2) == 0 ? BPF_K : BPF_X);
        const auto code = [](auto... parts) { return static_cast<std::uint16_t>((parts | ...)); };
        switch (below(16)) {
            case 0:
            case 1:
            case 2:
                return {BPF_LD | BPF_W | BPF_ABS, 0, 0, 4 * below(16)};
            case 3:
                return {code(below(2) == 0 ? BPF_LD : BPF_LDX, BPF_IMM), 0, 0, value()};
            case 4:
                return {code(below(2) == 0 ? BPF_LD : BPF_LDX, BPF_W, BPF_LEN), 0, 0, 0};
            case 5:
                return {code(below(2) == 0 ? BPF_ST : BPF_STX), 0, 0, below(3)};
            case 6:
                return {code(below(2) == 0 ? BPF_LD : BPF_LDX, BPF_MEM), 0, 0, below(3)};
            case 7:
                return {code(BPF_MISC, below(2) == 0 ? BPF_TAX : BPF_TXA), 0, 0, 0};
            case 8:
                return below(3) != 0 ? sock_filter{BPF_RET | BPF_K, 0, 0, returned()}
                                     : sock_filter{BPF_RET | BPF_A, 0, 0, 0};
            case 9:
                return {BPF_JMP | BPF_JA, 0, 0, below(left + 1)};
            case 10:
            case 11:
            case 12: {
                const auto reach = [&] {
                    return static_cast<std::uint8_t>(below(std::min(left + 1, 255U)));
                };
                return {code(BPF_JMP, comparisons[below(4)], source), reach(), reach(), value()};
            }
            default: {
                const auto operation = operations[below(operations.size())];
                if (operation == BPF_NEG) return {BPF_ALU | BPF_NEG, 0, 0, 0};
                return {code(BPF_ALU, operation, source), 0, 0, value()};
            }
        }
    }

    std::mt19937 random_;
};

/// What a call under filters came to, as far as a process can see it.
struct Seen {
    enum class Kind : std::uint8_t { refused_filter, unknown, result, trap, killed } kind;
    std::int64_t value;
    bool operator==(const Seen&) const = default;
};

doctest::String toString(const Seen& seen) {
    return doctest::String(
        (std::to_string(static_cast<int>(seen.kind)) + ":" + std::to_string(seen.value)).c_str());
}

Seen expected(std::uint32_t returned) {
    const std::uint32_t data = returned & SECCOMP_RET_DATA;
    switch (returned & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_ALLOW:
        case SECCOMP_RET_LOG:
            return {Seen::Kind::result, 1};
        case SECCOMP_RET_ERRNO:
            return {Seen::Kind::result, -std::int64_t{std::min(data, 4095U)}};
        case SECCOMP_RET_TRACE:
        case SECCOMP_RET_USER_NOTIF:
            return {Seen::Kind::result, -ENOSYS};
        case SECCOMP_RET_TRAP:
            return {Seen::Kind::trap, data};
        default:
            return {Seen::Kind::killed, 0};
    }
}

constexpr std::size_t calls_per_process = 8;
using Results = std::array<Seen, calls_per_process>;
volatile sig_atomic_t trapped = -1;

/// In a process of its own: installs the filters and makes the calls until one kills it.
[[noreturn]] void make_calls(const std::vector<Instructions>& filters,
                             const std::array<Values, calls_per_process>& calls, Results& results) {
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t* info, void*) { trapped = info->si_errno; };
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &action, nullptr);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (const auto& filter : filters) {
        sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) continue;
        results.fill({Seen::Kind::refused_filter, errno});
        _exit(0);
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
        trapped = -1;
        results[i] = {Seen::Kind::killed, 0};
        const long result = unwait_test_probe(calls[i].data(), probed_call);
        results[i] = trapped >= 0 ? Seen{Seen::Kind::trap, trapped}
                                  : Seen{Seen::Kind::result, result > 0 ? 1 : result};
    }
    _exit(0);
}

}  // namespace

TEST_CASE("the evaluator and the kernel agree on random filters") {
    constexpr int rounds = 3000;
    auto* results = static_cast<Results*>(
        mmap(nullptr, sizeof(Results), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    REQUIRE(results != MAP_FAILED);
    seccomp::Evaluator evaluator;
    Generator generator(20'240'501);
    int refused = 0;
    int killed = 0;
    int compared = 0;
    for (int round = 0; round < rounds; ++round) {
        std::vector<Instructions> filters(1 + generator.below(3));
        for (auto& filter : filters) filter = generator.filter();
        std::array<Values, calls_per_process> calls{};
        for (auto& values : calls) values = generator.values();

        results->fill({Seen::Kind::unknown, 0});
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) make_calls(filters, calls, *results);
        REQUIRE(waitpid(child, nullptr, 0) == child);

        std::vector<seccomp::Program> programs;
        for (const auto& filter : filters) {
            if (const auto program = seccomp::Program::check(filter)) programs.push_back(*program);
        }
        CAPTURE(round);
        const bool is_refused = (*results)[0].kind == Seen::Kind::refused_filter;
        CHECK(is_refused == (programs.size() != filters.size()));
        refused += is_refused ? 1 : 0;
        if (is_refused) continue;
        for (std::size_t i = 0; i < calls.size(); ++i) {
            const auto& [a, b, c, d, e, f] = calls[i];
            const auto call = seccomp::make_call(
                architecture, probed_call,
                reinterpret_cast<std::uintptr_t>(&unwait_test_after_probe), {a, b, c, d, e, f});
            std::uint32_t returned = SECCOMP_RET_ALLOW;
            for (auto program = programs.rbegin(); program != programs.rend(); ++program) {
                returned = seccomp::graver(returned, evaluator.run(*program, call));
            }
            CAPTURE(i);
            CHECK((*results)[i] == expected(returned));
            ++compared;
            if ((*results)[i].kind == Seen::Kind::killed) {
                ++killed;
                break;
            }
        }
    }
    munmap(results, sizeof(Results));
    // Else it would prove little.
    CHECK(refused > rounds / 20);
    CHECK(refused < rounds * 9 / 10);
    CHECK(killed > rounds / 100);
    CHECK(compared > rounds);
}

TEST_CASE("filters are read as they were installed") {
    std::vector<Instructions> filters;
    for (int i = 0; i < 20; ++i) {
        filters.push_back({{BPF_LD | BPF_W | BPF_ABS, 0, 0, 16},
                           {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<std::uint32_t>(1000 + i)},
                           {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<unsigned>(i)},
                           {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}});
    }
    std::array<int, 2> ready{};
    REQUIRE(pipe(ready.data()) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        for (auto& filter : filters) {
            sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
            if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) _exit(1);
        }
        if (write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(ready[1]);
    char byte = 0;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    REQUIRE(::ptrace(PTRACE_SEIZE, child, nullptr, nullptr) == 0);
    REQUIRE(::ptrace(PTRACE_INTERRUPT, child, nullptr, nullptr) == 0);
    REQUIRE(waitpid(child, nullptr, __WALL) == child);

    seccomp::FilterChain chain;
    seccomp::Evaluator evaluator;
    CHECK(chain.read(child) == 0);
    CHECK(chain.size() == filters.size());
    for (std::uint32_t i = 0; i < filters.size(); ++i) {
        const auto call = seccomp::make_call(architecture, 1, 0, {1000 + i});
        CHECK(chain.answer(call, evaluator) == (SECCOMP_RET_ERRNO | i));
    }
    CHECK(seccomp::filter_size(child, filters.size() - 1) == 4);
    CHECK(seccomp::filter_size(child, filters.size()) == -ENOENT);
    kill(child, SIGKILL);
    CHECK(waitpid(child, nullptr, __WALL) == child);
}

}  // namespace unwait::test
