// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "known_fd.hpp"
#include "unavailable.hpp"

/// The search for fds by a program in the kernel, which looks at every fd of the machine without a
/// system call for each. Nothing of it stays behind: program, map and iterator end with the
/// object, or with our process.
namespace unwait::bpf {

/// The program, which takes longer to load than to run.
class SocketFdFinder {
public:
    [[nodiscard]] static std::variant<SocketFdFinder, Unavailable> load();
    ~SocketFdFinder();
    SocketFdFinder(SocketFdFinder&& other) noexcept;
    SocketFdFinder& operator=(SocketFdFinder&& other) noexcept;

    /// All fds, in tables of all processes and threads whatever their namespaces, that lead to one
    /// of these socket inodes; ordered, one thread for each table.
    [[nodiscard]] std::variant<std::vector<sys::KnownFd>, Unavailable> find(
        std::span<const std::uint64_t> inodes);

private:
    struct Impl;
    explicit SocketFdFinder(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

/// Whether SocketFdFinder would work, found out by loading the program; absent when it would.
[[nodiscard]] std::optional<Unavailable> obstacle();

}  // namespace unwait::bpf
