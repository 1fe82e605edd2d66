// SPDX-License-Identifier: MIT
#include "meter.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <new>

#include "blocked.hpp"
#include "connections.hpp"
#include "old_calls.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

std::uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

/// What gdb makes of the call is no question.
bool is_asked() {
    pollfd question{0, POLLIN, 0};
    return poll(&question, 1, 0) > 0;
}

/// Looks at the clock until the next question comes.
void spin(Meter& meter) {
    for (std::uint64_t last = now_ns(); !is_asked(); ++meter.looks) {
        for (int i = 0; i < 1000; ++i) {
            const std::uint64_t now = now_ns();
            const std::uint64_t gap = now - last;
            last = now;
            if (gap > meter.longest_ns) meter.longest_ns = gap;
            if (gap > Meter::long_gap_ns) meter.long_gaps_ns += gap;
        }
    }
}

/// count=N CLOSE-WAIT fds and threads=N (none) that sleep for ever. `spin` makes the main thread
/// busy until the next question; `close-all` closes the fds in a loop and says how long that took,
/// in nanoseconds.
void metered(Stage& stage, const Arguments& arguments) {
    const auto connections = make_close_wait(stage, arguments);
    for (long i = arguments.number("threads", 0); i > 0; --i) {
        block_in(stage, {"pause", call_of_pause, [] { return pause(); }});
    }
    const int fd = must(memfd_create("meter", MFD_CLOEXEC), "memfd_create");
    must(ftruncate(fd, sizeof(Meter)), "ftruncate");
    void* memory = mmap(nullptr, sizeof(Meter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) fail("mmap of the meter");
    auto* meter = new (memory) Meter{};
    stage.tell("meter_fd", fd);
    stage.answer("spin", [meter](const std::string&) {
        spin(*meter);
        return "0";
    });
    stage.answer("close-all", [connections](const std::string&) {
        const std::uint64_t begun = now_ns();
        for (const Connection& connection : connections) must(close(connection.fd), "close");
        return std::to_string(now_ns() - begun);
    });
}

constexpr std::array table{NamedScenario{"metered", metered}};

}  // namespace

std::span<const NamedScenario> meter_scenarios() { return table; }

}  // namespace victim
