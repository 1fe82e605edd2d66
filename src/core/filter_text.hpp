// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "services.hpp"
#include "unwait/filter.hpp"

/// ss(8)'s filter language, read and written.
namespace unwait {

/// Where an expression is wrong, and what would be right.
struct FilterError {
    std::size_t at = 0;      ///< byte of the text, or its size when something is missing there
    std::size_t length = 0;  ///< bytes that are wrong, 0 at the end
    std::string what;
};

/// [STATES] [EXPRESSION] as on the command line of ss, more liberal in blanks: a sign need not
/// stand alone. Takes the whole text; nesting is bounded. Names of devices and cgroups are not
/// looked up, and neither are host names: an address is numeric.
[[nodiscard]] std::variant<Filter, FilterError> parse_filter(std::string_view text,
                                                             const Services& services);

/// What parse_filter reads as the same filter. Negations have a part, and conjunctions and
/// disjunctions several.
[[nodiscard]] std::string format_filter(const Filter& filter);

}  // namespace unwait
