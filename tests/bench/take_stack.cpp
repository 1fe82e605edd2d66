// SPDX-License-Identifier: MIT
#include <stdexcept>

#include "bare_stop.hpp"
#include "benchmarks.hpp"
#include "command.hpp"
#include "contenders.hpp"
#include "target.hpp"

namespace unwait::bench {
namespace {

/// A thread that runs cannot be read without a stop.
void take(Row& total, Row& pause, Words (*command)(pid_t), const char* proof) {
    const auto act = [&](Target& target) {
        const Run result = run_well(command(target.pid()), Stdout::kept);
        if (result.output.find(proof) == std::string::npos) {
            throw std::runtime_error("no stack was taken");
        }
        total.samples.push_back(result.wall_ns);
    };
    pause.samples.push_back(longest_pause_ns(0, act));
}

}  // namespace

Section take_stack(int rounds) {
    Row total{.what = "unwait explain --stack: total", .samples = {}};
    Row gdb_total{.what = "gdb -p PID -batch -ex 'thread apply all bt': total", .samples = {}};
    Row pause{.what = "unwait: longest pause", .samples = {}};
    Row gdb_pause{.what = "gdb: longest pause", .samples = {}};
    Row bare{.what = "seize, interrupt, detach of the thread: longest pause", .samples = {}};
    for (int i = 0; i < rounds; ++i) {
        take(total, pause, unwait_stacks, "\"function\"");
        take(gdb_total, gdb_pause, gdb_stacks, "#0 ");
        bare.samples.push_back(
            longest_pause_ns(0, [](Target& target) { stop_barely(target.pid()); }));
    }
    return {.name = "Take a stack",
            .setting = "one busy thread",
            .rows = {total, gdb_total, pause, gdb_pause, bare},
            .ratios = {{"total: unwait / gdb", median(total) / median(gdb_total)},
                       {"pause: unwait / bare stop", median(pause) / median(bare)},
                       {"pause: unwait / gdb", median(pause) / median(gdb_pause)}}};
}

}  // namespace unwait::bench
