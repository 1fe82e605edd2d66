// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace unwait {

/// What a check is about.
enum class Subject : std::uint8_t { kernel, privileges, process };

/// One thing that unwait needs here, or could use.
struct Check {
    Subject subject = Subject::kernel;
    pid_t pid = 0;          ///< of a process, else 0
    std::string_view code;  ///< one of the words of core's check_code
    bool works = false;
    bool needed = false;  ///< what was asked for does not work without it
    std::string why;      ///< what was seen
    std::string remedy;   ///< what to do about it; empty when it works

    bool operator==(const Check&) const = default;
};

}  // namespace unwait
