// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "unwait/shared_text.hpp"

namespace unwait {

/// Makes equal texts one: what is said of a hundred thousand sockets is mostly the same.
class TextPool {
public:
    [[nodiscard]] SharedText operator()(const SharedText& text) {
        return known_.try_emplace(text.str(), text).first->second;  // all copies share one text
    }

private:
    std::unordered_map<std::string_view, SharedText> known_;
};

}  // namespace unwait
