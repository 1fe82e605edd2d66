// SPDX-License-Identifier: MIT
#include <cerrno>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "benchmarks.hpp"
#include "command.hpp"
#include "contenders.hpp"
#include "target.hpp"

namespace unwait::bench {
namespace {

constexpr int sockets = 3'000;
constexpr double settle_ns = 2e9;  // the default of --settle

const Words close_them{"--actions", "close", "-J"};
const Words close_for_people{"--actions", "close"};
const Words by_evidence{"-J"};
const Words by_evidence_for_people{};

/// Fds that were closed in one chunk follow each other and tell the same time; neighbours that
/// differ are two chunks. Those that tell the same by chance are not seen to be two, and taken for
/// chunks like the others: there were so many `chunks`.
double reported_freeze_ns(const std::string& output, std::size_t chunks) {
    const auto report = nlohmann::json::parse(output);
    std::map<int, int> steps;  // by fd
    for (const auto& step : report.at("plan").at("steps")) {
        steps[step.at("holders").at(0).at("fds").at(0)] = step.at("id");
    }
    std::map<int, double> stopped_us;  // by step
    for (const auto& outcome : report.at("outcomes")) {
        stopped_us[outcome.at("id")] = outcome.at("stopped_us");
    }
    double total = 0;
    double last = 0;
    double seen = 0;
    for (const auto& [fd, step] : steps) {
        const double stopped = stopped_us.at(step);
        if (stopped != last) {
            total += stopped * 1000;
            ++seen;
        }
        last = stopped;
    }
    return total / seen * static_cast<double>(chunks);
}

struct Freeze {
    Row reported{.what = "unwait: freeze, as it reports itself", .samples = {}};
    Row seen{.what = "unwait: all pauses > 20 µs that a busy thread sees", .samples = {}};
    Row longest{.what = "unwait: the longest of them", .samples = {}};
    Row noise{.what = "nothing, as long: all pauses > 20 µs", .samples = {}};
};

void observe(Freeze& freeze) {
    Target target(sockets, 0);
    target.spin();
    const std::size_t before = target.stops();
    const Run cleared = run_well(unwait_clear(target.pid(), close_them), Stdout::kept);
    // Once for each chunk, and once more to see it outside of the code that closed the last.
    const std::size_t chunks = target.stops() - before - 1;
    freeze.seen.samples.push_back(target.long_gaps_ns());
    freeze.longest.samples.push_back(target.longest_gap_ns());
    freeze.reported.samples.push_back(reported_freeze_ns(cleared.output, chunks));
    target.reset_meter();
    timespec pause{static_cast<time_t>(cleared.wall_ns / 1e9),
                   static_cast<long>(cleared.wall_ns) % 1'000'000'000};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {
    }
    freeze.noise.samples.push_back(target.long_gaps_ns());
}

double time_of_clear(const Words& more) {
    const Target target(sockets, 0);
    return run_well(unwait_clear(target.pid(), more)).wall_ns;
}

}  // namespace

Section clear_many(int rounds) {
    Row native{.what = "native: a loop of close() inside the process", .samples = {}};
    Row closing{.what = "unwait clear --actions close: total", .samples = {}};
    Row tabulated{.what = "the same with a table instead of 6 MB of JSON", .samples = {}};
    Row by_auto{.what = "unwait clear (auto): total less the 2 s of --settle", .samples = {}};
    Row auto_tabulated{.what = "the same with a table instead of JSON", .samples = {}};
    Freeze freeze;
    for (int i = 0; i < rounds; ++i) {
        native.samples.push_back(Target(sockets, 0).close_all_ns());
        observe(freeze);
        closing.samples.push_back(time_of_clear(close_them));
        tabulated.samples.push_back(time_of_clear(close_for_people));
        by_auto.samples.push_back(time_of_clear(by_evidence) - settle_ns);
        auto_tabulated.samples.push_back(time_of_clear(by_evidence_for_people) - settle_ns);
    }
    const double loop = median(native);
    const double excess = median(freeze.seen) - median(freeze.noise);
    return {.name = "Clear 3,000 fds of one process",
            .setting = "one thread",
            .rows = {native, freeze.reported, freeze.seen, freeze.longest, freeze.noise, closing,
                     tabulated, by_auto, auto_tabulated},
            .ratios = {{"freeze, reported / native loop", median(freeze.reported) / loop, 0.1},
                       {"freeze, seen less noise / native loop", excess / loop, 0.1},
                       {"total: close / native loop", median(closing) / loop, 3},
                       {"total: close, table / native loop", median(tabulated) / loop, 3},
                       {"total: auto less settle / native loop", median(by_auto) / loop, 3},
                       {"total: auto less settle, table / native loop",
                        median(auto_tabulated) / loop, 3}}};
}

}  // namespace unwait::bench
