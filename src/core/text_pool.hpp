// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "unwait/shared_text.hpp"

namespace unwait {

/// Makes equal texts one: what is said of a hundred thousand sockets is mostly the same.
class TextPool {
public:
    [[nodiscard]] SharedText operator()(SharedText text) {
        const std::string_view key = text.str();  // stays where it is when `text` moves
        return known_.try_emplace(key, std::move(text)).first->second;
    }

private:
    std::unordered_map<std::string_view, SharedText> known_;
};

}  // namespace unwait
