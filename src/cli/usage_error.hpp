// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace unwait::cli {

/// The command line is wrong: what() says how, exhibit() shows where, hint() what to do about it.
class UsageError : public std::runtime_error {
public:
    UsageError(const std::string& what, std::string hint, std::vector<std::string> exhibit = {})
        : std::runtime_error(what), hint_(std::move(hint)), exhibit_(std::move(exhibit)) {}

    [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
    /// Lines, perhaps none.
    [[nodiscard]] const std::vector<std::string>& exhibit() const noexcept { return exhibit_; }

private:
    std::string hint_;
    std::vector<std::string> exhibit_;
};

/// 'text', for a message.
[[nodiscard]] inline std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

}  // namespace unwait::cli
