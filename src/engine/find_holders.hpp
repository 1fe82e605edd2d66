// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <future>
#include <span>
#include <variant>

#include "holders.hpp"
#include "socket_fds.hpp"

namespace unwait {

/// Finds holders by a program in the kernel where that is permitted and the quicker way, else
/// through /proc.
class HolderSearch {
public:
    /// Where a processor is idle, it loads the program while the caller does something else.
    HolderSearch();

    /// Everyone who holds one of these socket inodes, as proc::scan_holders() says it. To be called
    /// once.
    [[nodiscard]] proc::HolderScan find(std::span<const std::uint64_t> inodes, bool with_use);

private:
    std::future<std::variant<bpf::SocketFdFinder, bpf::Unavailable>> finder_;
};

}  // namespace unwait
