// SPDX-License-Identifier: MIT
#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "bare_stop.hpp"
#include "benchmarks.hpp"
#include "command.hpp"
#include "contenders.hpp"
#include "target.hpp"

namespace unwait::bench {
namespace {

struct Seen {
    Row total;
    Row pause;
};

/// gdb may end the process, and says nothing of it in its exit status.
void clear(Seen& seen, long sleeping_threads, Words (*command)(pid_t, int), bool must_succeed) {
    const auto act = [&](Target& target) {
        const Words words = command(target.pid(), target.fd());
        const Run result = must_succeed ? run_well(words) : run(words);
        seen.total.samples.push_back(result.wall_ns);
    };
    seen.pause.samples.push_back(longest_pause_ns(sleeping_threads, act));
}

void do_nothing(double nanoseconds) {
    timespec pause{static_cast<time_t>(nanoseconds / 1e9),
                   static_cast<long>(nanoseconds) % 1'000'000'000};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {
    }
}

}  // namespace

Section clear_one(int rounds, long sleeping_threads) {
    const auto row = [](std::string what) { return Row{.what = std::move(what), .samples = {}}; };
    Seen unwait{row("unwait clear --actions close: total"), row("unwait: longest pause")};
    Seen gdb{row("gdb -p PID -batch -ex 'print (int)close(FD)': total"), row("gdb: longest pause")};
    Row bare = row("seize, interrupt, detach of the thread: longest pause");
    Row nothing = row("nothing, for as long as unwait took: longest pause");
    for (int i = 0; i < rounds; ++i) {
        clear(unwait, sleeping_threads, unwait_close, true);
        clear(gdb, sleeping_threads, gdb_close, false);
        const auto stop = [](Target& target) { stop_barely(target.pid()); };
        bare.samples.push_back(longest_pause_ns(sleeping_threads, stop));
        const auto wait = [&](Target&) { do_nothing(unwait.total.samples.back()); };
        nothing.samples.push_back(longest_pause_ns(sleeping_threads, wait));
    }
    const double pause = median(unwait.pause);
    Section section{
        .name = "Clear one fd",
        .setting = sleeping_threads == 0
                       ? "one busy thread"
                       : "one busy thread and " + std::to_string(sleeping_threads) + " that sleep",
        .rows = {unwait.total, gdb.total, unwait.pause, gdb.pause, bare, nothing},
        .ratios = {{"total: unwait / gdb", median(unwait.total) / median(gdb.total)}}};
    if (sleeping_threads == 0) {
        section.ratios.push_back({"pause: unwait / bare stop", pause / median(bare), 3});
        section.ratios.push_back({"pause: unwait / gdb", pause / median(gdb.pause), 0.001});
    } else {
        section.ratios.push_back({"pause: unwait / 3 ms", pause / 3e6, 1});
        section.ratios.push_back({"pause: unwait / gdb", pause / median(gdb.pause)});
    }
    return section;
}

}  // namespace unwait::bench
