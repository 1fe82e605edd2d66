// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace unwait::netlink {

/// The first bytes of a structure as a T; those that an older kernel does not send stay 0.
template <typename T>
[[nodiscard]] T prefix_as(std::span<const std::byte> bytes) {
    T value{};
    std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
    return value;
}

}  // namespace unwait::netlink
