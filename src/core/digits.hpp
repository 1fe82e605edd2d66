// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <concepts>
#include <string_view>

namespace unwait {

/// A whole number in decimal, as text that takes no memory of its own: very many are written.
class Digits {
public:
    explicit Digits(std::integral auto number)
        : end_(std::to_chars(digits_, digits_ + sizeof digits_, number).ptr) {}
    Digits(const Digits&) = delete;
    Digits& operator=(const Digits&) = delete;

    /// As long as this lives.
    [[nodiscard]] std::string_view text() const noexcept { return {digits_, end_}; }

private:
    char digits_[24];
    char* end_;
};

}  // namespace unwait
