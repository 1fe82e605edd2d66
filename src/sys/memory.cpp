// SPDX-License-Identifier: MIT
#include "memory.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace unwait::sys {

std::optional<std::size_t> read_memory(pid_t tid, std::uintptr_t address,
                                       std::span<std::byte> into) noexcept {
    // The kernel copies an element whole or not at all, so each ends where its page does.
    constexpr std::size_t page = 4096;
    constexpr std::size_t most_parts = 65;  // 256 KiB in one call, wherever they begin
    std::array<iovec, most_parts> parts;    // not cleared: most reads are of one word
    std::size_t length = 0;
    while (length < into.size()) {
        std::size_t count = 0;
        std::size_t wanted = 0;
        for (; count < parts.size() && length + wanted < into.size(); ++count) {
            const std::uintptr_t at = address + length + wanted;
            const std::size_t size = std::min(into.size() - length - wanted, page - at % page);
            // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
            parts[count] = {reinterpret_cast<void*>(at), size};
            wanted += size;
        }
        const iovec local{into.data() + length, wanted};
        const ssize_t got = ::process_vm_readv(tid, &local, 1, parts.data(), count, 0);
        if (got < 0 && length == 0 && errno != EFAULT) return std::nullopt;
        if (got < 0) break;
        length += static_cast<std::size_t>(got);
        if (static_cast<std::size_t>(got) < wanted) break;
    }
    return length;
}

}  // namespace unwait::sys
