// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

namespace unwait {

template <typename Value>
[[nodiscard]] bool contains(const std::vector<Value>& values, const Value& value) {
    return std::ranges::find(values, value) != values.end();
}

}  // namespace unwait
