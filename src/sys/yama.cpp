// SPDX-License-Identifier: MIT
#include "yama.hpp"

#include <fcntl.h>

#include <string>
#include <string_view>

#include "file.hpp"
#include "text_scan.hpp"

namespace unwait::sys {

std::optional<int> yama_scope() {
    const std::string text = text_or_empty(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope");
    std::string_view rest = text;
    return to_number<int>(take_word(rest));
}

}  // namespace unwait::sys
