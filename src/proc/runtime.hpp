// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "unwait/process.hpp"

namespace unwait::proc {

/// The language runtime of a process: by the name of its program, the Go mark in it, or the
/// libraries it has mapped. `directory` is an open /proc/PID or /proc/PID/task/TID. `native` when
/// nothing may be read.
[[nodiscard]] Runtime runtime_of(int directory, std::string_view exe);

/// By the path of the program alone.
[[nodiscard]] Runtime runtime_of_exe(std::string_view exe);

/// By the libraries in /proc/PID/maps.
[[nodiscard]] Runtime runtime_of_maps(std::string_view maps);

/// Whether a file is an ELF program from the Go linker: section .go.buildinfo or a note named "Go".
[[nodiscard]] bool has_go_mark(int file);

}  // namespace unwait::proc
