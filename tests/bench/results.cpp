// SPDX-License-Identifier: MIT
#include "results.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

namespace unwait::bench {
namespace {

struct Scale {
    double from;
    const char* name;
};

std::string scaled(double value, Unit unit) {
    static constexpr std::array time{Scale{1e9, "s"}, Scale{1e6, "ms"}, Scale{0, "µs"}};
    static constexpr std::array size{Scale{1 << 20, "MiB"}, Scale{0, "KiB"}};
    const auto choose = [value](const auto& scales) {
        return *std::ranges::find_if(scales, [value](auto scale) { return value >= scale.from; });
    };
    const Scale scale = unit == Unit::bytes ? choose(size) : choose(time);
    const double least = unit == Unit::bytes ? 1024 : 1000;
    const double shown = value / std::max(scale.from, least);
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), shown < 10 ? "%.2f %s" : "%.1f %s", shown, scale.name);
    return text.data();
}

/// printf counts bytes.
std::string pad_left(std::string text, std::size_t width) {
    const auto letters = std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; });
    text.insert(0, width - std::min(width, static_cast<std::size_t>(letters)), ' ');
    return text;
}

std::string ratio_text(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), value < 0.01 ? "%.5f" : "%.2f", value);
    return text.data();
}

const char* judgement(const Ratio& ratio) {
    return ratio.value <= *ratio.at_most ? "reached" : "MISSED";
}

}  // namespace

double median(std::vector<double> samples) {
    std::ranges::sort(samples);
    const std::size_t middle = samples.size() / 2;
    if (samples.size() % 2 == 1) return samples[middle];
    return (samples[middle - 1] + samples[middle]) / 2;
}

void print(const Section& section) {
    std::printf("\n%s (%s)\n", section.name.c_str(), section.setting.c_str());
    std::printf("  %-56s %10s %10s %10s\n", "", "median", "least", "most");
    for (const Row& row : section.rows) {
        const auto [least, most] = std::ranges::minmax(row.samples);
        std::printf("  %-56s %s %s %s\n", row.what.c_str(),
                    pad_left(scaled(median(row), row.unit), 10).c_str(),
                    pad_left(scaled(least, row.unit), 10).c_str(),
                    pad_left(scaled(most, row.unit), 10).c_str());
    }
    for (const Ratio& ratio : section.ratios) {
        std::printf("  = %-54s %10s", ratio.what.c_str(), ratio_text(ratio.value).c_str());
        if (ratio.at_most) std::printf("   goal %g: %s", *ratio.at_most, judgement(ratio));
        std::printf("\n");
    }
    std::fflush(stdout);
}

void write_json(const std::string& path, const std::string& machine,
                const std::vector<Section>& sections) {
    using Json = nlohmann::ordered_json;
    Json all = {{"machine", machine}, {"benchmarks", Json::array()}};
    for (const Section& section : sections) {
        Json& entry = all["benchmarks"].emplace_back(
            Json{{"name", section.name}, {"setting", section.setting}});
        for (const Row& row : section.rows) {
            entry["rows"].push_back({{"what", row.what},
                                     {"unit", row.unit == Unit::bytes ? "B" : "ns"},
                                     {"median", median(row)},
                                     {"samples", row.samples}});
        }
        for (const Ratio& ratio : section.ratios) {
            Json& item =
                entry["ratios"].emplace_back(Json{{"what", ratio.what}, {"value", ratio.value}});
            if (ratio.at_most) item["at_most"] = *ratio.at_most;
        }
    }
    std::ofstream file(path);
    file << all.dump(2) << '\n';
    file.close();
    if (!file) throw std::system_error(errno, std::system_category(), path);
}

}  // namespace unwait::bench
