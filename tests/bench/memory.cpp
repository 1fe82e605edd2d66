// SPDX-License-Identifier: MIT
#include <memory>
#include <vector>

#include "benchmarks.hpp"
#include "command.hpp"
#include "contenders.hpp"
#include "target.hpp"

namespace unwait::bench {
namespace {

// The limit of open files of one process lies between 10,000 and 100,000 on many machines.
constexpr int processes = 10;
constexpr int sockets_each = 10'000;

}  // namespace

Section memory(int rounds) {
    std::vector<std::unique_ptr<Target>> targets;
    for (int i = 0; i < processes; ++i) {
        targets.push_back(std::make_unique<Target>(sockets_each, 0));
    }
    const Words dry_run{UNWAIT_TOOL, "clear",         "-n",     "-J",         "--all",
                        "--quiet",   "--max-sockets", "200000", "--min-idle", "0"};
    Row listing{.what = "unwait list -J: peak memory", .samples = {}, .unit = Unit::bytes};
    Row planning{.what = "unwait clear -n -J: peak memory", .samples = {}, .unit = Unit::bytes};
    Row list_time{.what = "unwait list -J: total", .samples = {}};
    Row plan_time{.what = "unwait clear -n -J: total", .samples = {}};
    Row ss_time{.what = "ss -Htapn state close-wait: total", .samples = {}};
    for (int i = 0; i < rounds; ++i) {
        const Run list = run_well(unwait_list());
        listing.samples.push_back(list.peak_rss);
        list_time.samples.push_back(list.wall_ns);
        const Run plan = run_well(dry_run);
        planning.samples.push_back(plan.peak_rss);
        plan_time.samples.push_back(plan.wall_ns);
        ss_time.samples.push_back(run_well(ss_list()).wall_ns);
    }
    constexpr double limit = 100 << 20;
    return {.name = "Memory",
            .setting = "100,000 stuck sockets in 10 processes",
            .rows = {listing, planning, list_time, plan_time, ss_time},
            .ratios = {{"list / 100 MiB", median(listing) / limit, 1},
                       {"clear -n / 100 MiB", median(planning) / limit, 1},
                       {"total: list / ss", median(list_time) / median(ss_time)}}};
}

}  // namespace unwait::bench
