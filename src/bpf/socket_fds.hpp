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

namespace unwait::bpf {

/// The search for fds by a program in the kernel, which looks at every fd of the machine without a
/// system call for each. Nothing of it stays behind: program, maps and iterators end with this, or
/// with our process.
class SocketFdSearch {
public:
    /// How many fds there is room for; where more may be found the program is loaded anew.
    static constexpr std::uint32_t usual_room = 16'384;

    /// Loads the program, which takes some milliseconds.
    [[nodiscard]] static std::variant<SocketFdSearch, Unavailable> prepare();
    ~SocketFdSearch();
    SocketFdSearch(SocketFdSearch&& other) noexcept;
    SocketFdSearch& operator=(SocketFdSearch&& other) noexcept;

    /// All fds, in tables of all processes and threads whatever their namespaces, that lead to one
    /// of these socket inodes; ordered, one thread for each table.
    [[nodiscard]] std::variant<std::vector<sys::KnownFd>, Unavailable> find(
        std::span<const std::uint64_t> inodes);

private:
    struct Impl;
    explicit SocketFdSearch(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

/// Whether a search works, found out by making one; absent when it does.
[[nodiscard]] std::optional<Unavailable> obstacle();

}  // namespace unwait::bpf
