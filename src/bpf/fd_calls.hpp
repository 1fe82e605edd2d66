// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "unavailable.hpp"

namespace unwait::bpf {

/// A number in the fd table of a process.
struct ProcessFd {
    pid_t pid = 0;
    int fd = -1;

    auto operator<=>(const ProcessFd&) const = default;
};

/// How often a process made a call with that number as this argument, whatever it means there.
struct FdCalls {
    ProcessFd of;
    int number = -1;   ///< of the call
    int argument = 0;  ///< from 0 on
    std::uint64_t count = 0;

    bool operator==(const FdCalls&) const = default;
};

/// Counts in the kernel which system calls are begun with some numbers, from when it is made until
/// it ends. Stops nobody; while it counts, each call of every process takes some dozen nanoseconds
/// more. The calls of 32-bit programs have other numbers.
class FdCallCounter {
public:
    /// At most UNWAIT_MOST_FDS numbers and processes together.
    [[nodiscard]] static std::variant<FdCallCounter, Unavailable> begin(
        std::span<const ProcessFd> fds);
    ~FdCallCounter();
    FdCallCounter(FdCallCounter&& other) noexcept;
    FdCallCounter& operator=(FdCallCounter&& other) noexcept;

    /// So far; in order.
    [[nodiscard]] std::vector<FdCalls> counts() const;

private:
    struct Impl;
    explicit FdCallCounter(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace unwait::bpf
