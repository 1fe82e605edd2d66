// SPDX-License-Identifier: MIT
#include "threshold.hpp"

#include <charconv>
#include <cmath>
#include <limits>

namespace unwait {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

std::optional<double> parse_decimal(std::string_view text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    if (error != std::errc{} || stop != end || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

}  // namespace

std::optional<Threshold> parse_threshold(std::string_view text) {
    Threshold threshold{std::string{text}, 0, infinite, false};
    if (text.starts_with('@')) {
        threshold.inside = true;
        text.remove_prefix(1);
    }
    const std::size_t colon = text.find(':');
    std::string_view high = text;
    if (colon != std::string_view::npos) {
        const std::string_view low = text.substr(0, colon);
        const auto value = low == "~" ? std::optional{-infinite} : parse_decimal(low);
        if (!value) {
            return std::nullopt;
        }
        threshold.low = *value;
        high = text.substr(colon + 1);
    }
    // "10:" has no upper end, and no end at all is no range.
    if (colon == std::string_view::npos || !high.empty()) {
        const auto value = parse_decimal(high);
        if (!value) {
            return std::nullopt;
        }
        threshold.high = *value;
    }
    return threshold.low <= threshold.high ? std::optional{threshold} : std::nullopt;
}

}  // namespace unwait
