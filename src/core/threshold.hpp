// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace unwait {

/// A range as monitoring plugins take it: "10" (0 to 10), "10:", "~:10", "10:20", and with "@" in
/// front for an alert inside instead of outside of it. Both ends belong to it.
struct Threshold {
    std::string text;
    double low = 0;
    double high = 0;
    bool inside = false;

    [[nodiscard]] bool is_alert(double value) const {
        return (value >= low && value <= high) == inside;
    }
};

[[nodiscard]] std::optional<Threshold> parse_threshold(std::string_view text);

}  // namespace unwait
