// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "known_fd.hpp"
#include "unavailable.hpp"

/// The search for fds by a program in the kernel, which looks at every fd of the machine without a
/// system call for each. Nothing of it stays behind: program, map and iterator end with the call,
/// or with our process.
namespace unwait::bpf {

/// All fds, in tables of all processes and threads whatever their namespaces, that lead to one of
/// these socket inodes; ordered, one thread for each table.
[[nodiscard]] std::variant<std::vector<sys::KnownFd>, Unavailable> find_socket_fds(
    std::span<const std::uint64_t> inodes);

/// Whether find_socket_fds() works, found out by doing it; absent when it does.
[[nodiscard]] std::optional<Unavailable> obstacle();

}  // namespace unwait::bpf
