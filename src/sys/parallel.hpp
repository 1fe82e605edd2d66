// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>

namespace unwait::sys {

/// How many processors this process may run on; 1 when that cannot be told.
[[nodiscard]] std::size_t usable_processors() noexcept;

/// Calls work(0) … work(count - 1) at the same time, and one after the other where no more threads
/// can be had (RLIMIT_NPROC). When all have returned, what the first of them threw is thrown.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace unwait::sys
