// SPDX-License-Identifier: MIT
#include "residue.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "memory.hpp"

namespace unwait::ptrace {

namespace {

constexpr std::size_t most_stack = std::size_t{256} * 1024;
constexpr std::uintptr_t low_half = 0xffff'ffff;

std::array<std::uintptr_t, most_stack / sizeof(std::uintptr_t)> stack_words;

/// The words from `stack` on, as far as they can be read.
std::size_t read_stack(pid_t tid, std::uintptr_t stack) noexcept {
    const std::uintptr_t at = stack & ~std::uintptr_t{sizeof(std::uintptr_t) - 1};
    const auto size = sys::read_memory(tid, at, std::as_writable_bytes(std::span(stack_words)));
    return size.value_or(0) / sizeof(std::uintptr_t);
}

}  // namespace

bool may_return_to(const TracedThread& thread, const AddressRange& range) noexcept {
    if (range.contains(arch::instruction_pointer(thread.registers))) return true;
    const auto count = read_stack(thread.tid(), arch::stack_pointer(thread.registers));
    return std::any_of(stack_words.begin(),
                       stack_words.begin() + static_cast<std::ptrdiff_t>(count),
                       [&](std::uintptr_t word) {
                           // On a stack of 32-bit code two addresses stand in a word.
                           return range.contains(word) || range.contains(word & low_half) ||
                                  range.contains(word >> 32);
                       });
}

}  // namespace unwait::ptrace
