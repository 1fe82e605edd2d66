// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace unwait::bpf {

/// Why the kernel does not take a program from us, with the remedy.
struct Unavailable {
    std::string why;
};

}  // namespace unwait::bpf
