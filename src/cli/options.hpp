// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "option_table.hpp"

namespace unwait::cli {

/// The options that were given, by long name; a flag has no values, a repeated option several.
using Given = std::map<std::string, std::vector<std::string>, std::less<>>;

/// Takes the arguments after the command apart. Throws UsageError for an option that the command
/// does not have, with the nearest one suggested, and for any other malformed argument.
[[nodiscard]] Given parse_options(Verb verb, std::span<char* const> arguments);

}  // namespace unwait::cli
