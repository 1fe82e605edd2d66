// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
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

struct Contender {
    Words words;
    Row peak;
    Row total;

    Contender(Words command, const std::string& name)
        : words(std::move(command)),
          peak{.what = name + ": peak memory", .samples = {}, .unit = Unit::bytes},
          total{.what = name + ": total", .samples = {}} {}

    void take_turn() {
        const Run run = run_well(words);
        peak.samples.push_back(run.peak_rss);
        total.samples.push_back(run.wall_ns);
    }
};

std::vector<std::unique_ptr<Target>> make_targets() {
    std::vector<std::unique_ptr<Target>> targets;
    for (int i = 0; i < processes; ++i) {
        targets.push_back(std::make_unique<Target>(sockets_each, 0));
    }
    return targets;
}

Words with(Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

/// What a command writes, as long as it is needed. Our own memory must not grow by it: a child's is
/// counted from ours on.
class OutputFile {
public:
    explicit OutputFile(const Words& words) {
        const int fd = ::mkstemp(name_.data());  // with mode 0600: others cannot have written it
        if (fd < 0) throw std::system_error(errno, std::generic_category(), "mkstemp");
        ::close(fd);
        static_cast<void>(run_well(with({"sh", "-c", "exec \"$@\" >\"$0\"", name_}, words)));
    }
    ~OutputFile() { std::filesystem::remove(name_); }
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] double size() const {
        return static_cast<double>(std::filesystem::file_size(name_));
    }

private:
    std::string name_ = std::filesystem::temp_directory_path() / "unwait-bench-XXXXXX";
};

}  // namespace

Section memory(int rounds) {
    const Words clear{UNWAIT_TOOL,     "clear",  "--all",      "--quiet",
                      "--max-sockets", "200000", "--min-idle", "0"};
    Contender listing(unwait_list(), "unwait list -J");
    Contender table({UNWAIT_TOOL, "list", "--min-idle", "0"}, "unwait list");
    Contender planning(with(clear, {"-n", "-J"}), "unwait clear -n -J");
    Contender preview(with(clear, {"-n"}), "unwait clear -n");
    Contender ss(ss_list(), "ss -Htapn state close-wait");
    auto targets = make_targets();
    for (int i = 0; i < rounds; ++i) {
        for (Contender* each : {&listing, &table, &planning, &preview, &ss}) each->take_turn();
    }
    const OutputFile plan(planning.words);
    Contender applying({UNWAIT_TOOL, "apply", plan.name(), "-n", "--quiet"}, "unwait apply -n");
    for (int i = 0; i < rounds; ++i) applying.take_turn();
    // Of these there is no second time.
    Contender clearing(with(clear, {"--yes", "-J"}), "unwait clear --yes -J");
    clearing.take_turn();
    targets = make_targets();
    Contender outcomes(with(clear, {"--yes"}), "unwait clear --yes");
    outcomes.take_turn();
    constexpr double limit = 100 << 20;
    const auto ratio = [](const Contender& contender, const char* name) {
        return Ratio{name, median(contender.peak) / limit, 1};
    };
    return {.name = "Memory",
            .setting = "100,000 stuck sockets in 10 processes",
            .rows = {listing.peak, table.peak, planning.peak, preview.peak, clearing.peak,
                     outcomes.peak, applying.peak, listing.total, table.total, planning.total,
                     preview.total, clearing.total, outcomes.total, applying.total, ss.total},
            .ratios = {ratio(listing, "list -J / 100 MiB"),
                       ratio(table, "list / 100 MiB"),
                       ratio(planning, "clear -n -J / 100 MiB"),
                       ratio(preview, "clear -n / 100 MiB"),
                       ratio(clearing, "clear --yes -J / 100 MiB"),
                       ratio(outcomes, "clear --yes / 100 MiB"),
                       {"apply -n / its plan's file", median(applying.peak) / plan.size()},
                       {"total: list -J / ss", median(listing.total) / median(ss.total)}}};
}

}  // namespace unwait::bench
