// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "unwait/outcome.hpp"

namespace unwait::cli {

/// The plan that a dry run wrote as JSON: of its report what carrying it out needs, in which
/// everything is as whole as make_plan leaves it. Members that it does not know are ignored. Throws
/// JsonError when it is no such plan, or not as it was written (see digest_of_plan).
[[nodiscard]] Report read_plan(std::string text);

/// The same from a file that nobody else could have written. Throws Refused, naming the file, and
/// Error when it cannot be read.
[[nodiscard]] Report load_plan(const std::string& path);

}  // namespace unwait::cli
