// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "fd.hpp"
#include "holders.hpp"

/// Questions about holders, as tests ask them.
namespace unwait::testing {

/// With use, unless told otherwise.
[[nodiscard]] std::vector<Holder> holders_of(std::uint64_t inode, bool with_use = true);

/// The test fails unless there is exactly one.
[[nodiscard]] Holder only_holder(std::uint64_t inode);
[[nodiscard]] HeldFd only_fd(std::uint64_t inode);

/// A TCP socket that is not connected.
[[nodiscard]] sys::Fd new_socket(bool close_on_exec = true);

/// What `work` returns in a forked child, as its exit status; 99 when it throws.
[[nodiscard]] int in_child(const std::function<int()>& work);

/// A child that has ended and waits to be reaped.
[[nodiscard]] pid_t make_zombie();

/// User and group nobody, without a way back; for a child.
void become_nobody();

}  // namespace unwait::testing
