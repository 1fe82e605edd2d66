// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

namespace unwait {

/// The whole of a regular file that decides what is done, which therefore nobody but root and we
/// may be able to write: it belongs to one of the two, and its mode lets neither group nor others
/// write. What is checked is the file that was opened, so that none can be put in its place in
/// between. Throws Refused when somebody else could have written it or it has more than `limit`
/// bytes, and Error when it cannot be read.
[[nodiscard]] std::string read_trusted_file(const std::string& path, std::size_t limit);

}  // namespace unwait
