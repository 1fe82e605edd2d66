// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <optional>

#include "fd.hpp"
#include "unavailable.hpp"

/// bpf(2), one request each, and what stands against it. Those that return an fd leave errno where
/// they have none.
namespace unwait::bpf {

/// Attaches an iterator; whoever reads the fd of the second makes it run.
[[nodiscard]] sys::Fd attach_iterator(int program) noexcept;
[[nodiscard]] sys::Fd run_iterator(int link) noexcept;

/// Attaches a program to the tracepoint that it was made for.
[[nodiscard]] sys::Fd attach_tracepoint(int program) noexcept;

/// 0 or an errno value.
[[nodiscard]] int update_map(int map, const void* key, const void* value) noexcept;
/// 0 or an errno value.
[[nodiscard]] int delete_key(int map, const void* key) noexcept;
/// False when there is no such key.
[[nodiscard]] bool look_up(int map, const void* key, void* value) noexcept;
/// The key behind `before`, the first for a null pointer; false behind the last.
[[nodiscard]] bool next_key(int map, const void* before, void* key) noexcept;

/// Why no program is loaded, if that can be told before it is tried.
[[nodiscard]] std::optional<Unavailable> known_obstacle();

/// Loads a program. The kernel stops looking through it as soon as a signal waits for this thread,
/// be it one that nobody will hear of, and says EAGAIN: then it is asked again, as often as libbpf
/// would. `load` returns 0 or a negative errno value, and this 0 or an errno value.
template <typename Load>
[[nodiscard]] int load_patiently(Load&& load) {
    constexpr int attempts = 5;
    int error = EAGAIN;
    for (int attempt = 0; attempt < attempts && error == EAGAIN; ++attempt) error = -load();
    return error;
}

/// What an errno value of that step means.
[[nodiscard]] Unavailable unavailable(const char* step, int error);

}  // namespace unwait::bpf
