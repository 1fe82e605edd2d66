// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

/// A process that does what a killed unwait must not leave half done, and what it tells us.
namespace unwait::ptrace {

struct Unmap {
    std::size_t size = 0;
    void operator()(void* memory) const noexcept;
};

/// So many bytes that a disposable process shares with us, all zero. No page of them is missing
/// while it holds a thread. Throws Error.
[[nodiscard]] std::unique_ptr<void, Unmap> share_memory(std::size_t size);

/// A record there, with so many bytes behind it.
template <typename Record>
[[nodiscard]] std::unique_ptr<Record, Unmap> share_record(std::size_t bytes_behind = 0) {
    static_assert(std::is_trivially_destructible_v<Record>);
    auto memory = share_memory(sizeof(Record) + bytes_behind);
    const Unmap unmap = memory.get_deleter();
    return {new (memory.release()) Record{}, unmap};
}

/// Leaves a refusal in a record: as much of it as there is room for.
void write_refusal(std::span<char> into, const char* why) noexcept;

enum class Priority : std::uint8_t {
    ordinary,
    above_all,  ///< where that is permitted: what it holds would wait for a processor with it, and
                ///< for its own to awake
};

/// Runs `body` in a process of its own and waits for its end. No signal interrupts it; it may be
/// killed at any instant, and the kernel then lets go of every thread that it traces. What it
/// throws is its refusal. Returns whether it ended by itself. Throws Error when it could not be
/// started.
[[nodiscard]] bool run_disposable(const std::function<void()>& body, std::span<char> refusal,
                                  Priority priority = Priority::above_all);

}  // namespace unwait::ptrace
