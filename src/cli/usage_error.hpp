// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace unwait::cli {

/// The command line is wrong: what() says how, hint() what to do about it.
class UsageError : public std::runtime_error {
public:
    UsageError(const std::string& what, std::string hint)
        : std::runtime_error(what), hint_(std::move(hint)) {}

    [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

private:
    std::string hint_;
};

/// 'text', for a message.
[[nodiscard]] inline std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

}  // namespace unwait::cli
