// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace unwait::bench {

enum class Unit { nanoseconds, bytes };

/// What was measured, one value for each run.
struct Row {
    std::string what;
    std::vector<double> samples;
    Unit unit = Unit::nanoseconds;
};

/// The middle one; the mean of the two in the middle when their number is even.
[[nodiscard]] double median(std::vector<double> samples);
[[nodiscard]] inline double median(const Row& row) { return median(row.samples); }

/// How two medians of one run compare, and what the comparison should come to.
struct Ratio {
    std::string what;
    double value = 0;
    std::optional<double> at_most = {};  ///< the goal, when there is one
};

/// One benchmark, complete.
struct Section {
    std::string name;
    std::string setting;
    std::vector<Row> rows;
    std::vector<Ratio> ratios;
};

/// As the terminal and the README show it.
void print(const Section& section);

/// Everything, in nanoseconds and bytes. Throws std::system_error.
void write_json(const std::string& path, const std::string& machine,
                const std::vector<Section>& sections);

}  // namespace unwait::bench
