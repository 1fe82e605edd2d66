// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace unwait {

/// Puts a whole new file, readable by all, in the place of whatever has that name: who opens it
/// sees the old or the new text and never a part of one. What stands there, a symbolic link too, is
/// replaced and not followed. Throws Error, and then the old file is still there.
void replace_file(const std::string& path, std::string_view text);

}  // namespace unwait
