// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks.hpp"
#include "command.hpp"
#include "contenders.hpp"
#include "crowd.hpp"
#include "target.hpp"

namespace unwait::bench {
namespace {

// The limit of open files of one process lies between 10,000 and 100,000 on many machines.
constexpr int sockets_each = 10'000;
constexpr int fds_each = 250;

struct Scene {
    const char* name;
    int targets;
    int others;
};

constexpr std::array scenes{
    Scene{"10,000 sockets, 100,000 fds", 1, 400},
    Scene{"100,000 sockets, 100,000 fds", 10, 400},
    Scene{"10,000 sockets, 400,000 fds", 1, 1600},
};

struct Contender {
    const char* name;
    Words words;
    int most_rounds;  ///< some take minutes
};

}  // namespace

Section growth(int rounds) {
    const std::array contenders{
        Contender{"unwait list -J", unwait_list(), rounds},
        Contender{"unwait through /proc", unwait_list_by_proc(), rounds},
        Contender{"ss", ss_list(), rounds},
        Contender{"lsof", lsof_list(), 1},
        Contender{"netstat", netstat_list(), 1},
    };
    std::vector<Row> rows;
    for (const Scene& scene : scenes) {
        const Crowd crowd(scene.others, fds_each);
        std::vector<std::unique_ptr<Target>> targets;
        for (int i = 0; i < scene.targets; ++i) {
            targets.push_back(std::make_unique<Target>(sockets_each, 0));
        }
        const std::size_t first = rows.size();
        for (const Contender& each : contenders) {
            rows.push_back({.what = std::string(scene.name) + ": " + each.name, .samples = {}});
        }
        for (int round = 0; round < rounds; ++round) {
            for (std::size_t i = 0; i < contenders.size(); ++i) {
                if (round >= contenders[i].most_rounds) continue;
                rows[first + i].samples.push_back(run_well(contenders[i].words).wall_ns);
            }
        }
    }
    std::vector<Ratio> ratios;
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        const auto times = [&](std::size_t scene) {
            return median(rows[scene * contenders.size() + i]) / median(rows[i]);
        };
        const bool ours = i < 2;
        const std::string name = contenders[i].name;
        ratios.push_back({name + ": ten times the sockets", times(1),
                          ours ? std::optional(10.0) : std::nullopt});
        ratios.push_back(
            {name + ": four times the fds", times(2), ours ? std::optional(4.0) : std::nullopt});
    }
    return {.name = "Growth",
            .setting = "beside processes of 250 fds; lsof and netstat once",
            .rows = std::move(rows),
            .ratios = std::move(ratios)};
}

}  // namespace unwait::bench
