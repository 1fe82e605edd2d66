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

/// The name under which the operand of a command is given: no option can be called so.
inline constexpr std::string_view operand = "";

/// Takes the arguments after the command apart. Throws UsageError for an option that the command
/// does not have, with the nearest one suggested, and for any other malformed argument.
/// An operand is one more value, under the name `operand`; a missing one is an error too, unless
/// help is asked for.
[[nodiscard]] Given parse_options(Verb verb, std::span<char* const> arguments);

}  // namespace unwait::cli
