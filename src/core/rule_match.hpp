// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "unwait/rulebook.hpp"

/// Which sockets a rule of a policy is about.
namespace unwait {

/// Whether the rule decides about the finding: all that it matches on matches, or may.
[[nodiscard]] bool is_match(const Rule& rule, const Finding& finding, const PolicyFacts& facts);

/// What the rule's filter asks for and is not known of the socket, so that nobody can say whether
/// the rule matches; empty when all is.
[[nodiscard]] std::string doubt_about(const Rule& rule, const Finding& finding,
                                      const PolicyFacts& facts);

/// Which part of a rule that does not match stands in its way.
[[nodiscard]] std::string mismatch(const Rule& rule, const Finding& finding,
                                   const PolicyFacts& facts);

}  // namespace unwait
