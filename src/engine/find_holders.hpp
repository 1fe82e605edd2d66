// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "holders.hpp"
#include "parallel.hpp"
#include "socket_fds.hpp"

namespace unwait {

/// The search for who holds sockets: by a program in the kernel where that is permitted and the
/// quicker way, which is got ready beside the caller's work where a processor is idle; else through
/// /proc.
class HolderSearch {
public:
    HolderSearch();

    /// Everyone who holds one of these socket inodes, as proc::scan_holders() says it; asked once.
    [[nodiscard]] proc::HolderScan find(std::span<const std::uint64_t> inodes, bool with_use);

private:
    using Prepared = std::variant<bpf::SocketFdSearch, bpf::Unavailable>;
    std::optional<sys::Beside<Prepared>> in_kernel_;
};

}  // namespace unwait
