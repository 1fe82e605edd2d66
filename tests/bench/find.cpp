// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "benchmarks.hpp"
#include "command.hpp"
#include "contenders.hpp"
#include "crowd.hpp"
#include "target.hpp"

namespace unwait::bench {
namespace {

constexpr int sockets = 10'000;
constexpr int processes = 400;
constexpr int fds_each = 250;

/// A fast answer must be a whole one too.
void require_all_found(pid_t pid) {
    const auto report = nlohmann::json::parse(run_well(unwait_list(), Stdout::kept).output);
    int found = 0;
    for (const auto& finding : report.at("findings")) {
        const auto& holders = finding.at("holders");
        if (holders.size() == 1 && holders[0].at("pid") == pid) ++found;
    }
    if (found != sockets) {
        throw std::runtime_error("unwait list found " + std::to_string(found) + " of " +
                                 std::to_string(sockets) + " sockets with their holder");
    }
}

}  // namespace

Section find(int rounds) {
    const Crowd crowd(processes, fds_each);
    const Target target(sockets, 0);
    require_all_found(target.pid());
    Row unwait{.what = "unwait list -J", .samples = {}};
    Row by_proc{.what = "unwait list -J, through /proc", .samples = {}};
    Row ss{.what = "ss -Htapn state close-wait", .samples = {}};
    Row lsof{.what = "lsof -nP -iTCP -sTCP:CLOSE_WAIT", .samples = {}};
    Row netstat{.what = "netstat -tnp", .samples = {}};
    for (int i = 0; i < rounds; ++i) {
        unwait.samples.push_back(run_well(unwait_list()).wall_ns);
        by_proc.samples.push_back(run_well(unwait_list_by_proc()).wall_ns);
        ss.samples.push_back(run_well(ss_list()).wall_ns);
        lsof.samples.push_back(run_well(lsof_list()).wall_ns);
        netstat.samples.push_back(run_well(netstat_list()).wall_ns);
    }
    return {.name = "Find",
            .setting = "10,000 stuck sockets in one process beside 400 processes of 250 fds",
            .rows = {unwait, by_proc, ss, lsof, netstat},
            .ratios = {{"unwait / ss", median(unwait) / median(ss), 0.125},
                       {"unwait through /proc / ss", median(by_proc) / median(ss), 0.5},
                       {"unwait / lsof", median(unwait) / median(lsof)},
                       {"unwait / netstat", median(unwait) / median(netstat)}}};
}

}  // namespace unwait::bench
