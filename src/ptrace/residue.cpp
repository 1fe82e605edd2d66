// SPDX-License-Identifier: MIT
#include "residue.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>

namespace unwait::ptrace {

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t pages = 64;
constexpr std::uintptr_t low_half = 0xffff'ffff;

std::array<std::uintptr_t, pages * page / sizeof(std::uintptr_t)> stack_words;

/// The words from `stack` up to the end of its page, then page by page until one cannot be read.
std::size_t read_stack(pid_t tid, std::uintptr_t stack) noexcept {
    const iovec local{stack_words.data(), sizeof stack_words};
    std::array<iovec, pages> remote;
    std::uintptr_t at = stack & ~std::uintptr_t{sizeof(std::uintptr_t) - 1};
    for (iovec& part : remote) {
        const std::size_t size = page - at % page;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
        part = {reinterpret_cast<void*>(at), size};
        at += size;
    }
    // What does not fit into one element is left out whole: the last page is the price of an odd
    // start.
    const auto size = process_vm_readv(tid, &local, 1, remote.data(), remote.size(), 0);
    return size < 0 ? 0 : static_cast<std::size_t>(size) / sizeof(std::uintptr_t);
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
