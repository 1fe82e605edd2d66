// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace unwait::cli {

/// A text of the operator, and below it a mark under what is wrong with it: `length` bytes from
/// `at` on, or its end. Of a long text, what surrounds them.
[[nodiscard]] std::vector<std::string> exhibit_of(std::string_view text, std::size_t at,
                                                  std::size_t length);

}  // namespace unwait::cli
