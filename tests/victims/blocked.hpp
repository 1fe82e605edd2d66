// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "stage.hpp"

namespace victim {

/// A system call that is meant to block for as long as the test runs, or for its timeout.
struct BlockingCall {
    std::string name;
    long number = -1;  ///< as /proc/PID/task/TID/syscall shows it
    /// What the call returned, with errno as it left it.
    std::function<long()> call;
};

/// Runs the call in a thread of its own and returns its tid once the kernel shows it blocked there.
/// The answer to `results` lists name=blocked or name=returned:VALUE:ERRNO:MILLISECONDS of each.
/// 0, and no more is told of it, when the kernel does not have the call.
int block_in(Stage& stage, BlockingCall call);

}  // namespace victim
