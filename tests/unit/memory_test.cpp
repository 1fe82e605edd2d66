// SPDX-License-Identifier: MIT
#include "memory.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <vector>

namespace unwait::sys {
namespace {

const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

struct Unmap {
    std::size_t size;
    void operator()(std::byte* memory) const noexcept { ::munmap(memory, size); }
};

/// So many pages that can be read, each byte another than its neighbour, and one behind them that
/// cannot.
std::unique_ptr<std::byte, Unmap> pages_before_a_hole(std::size_t pages) {
    const std::size_t size = (pages + 1) * page;
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto* bytes = static_cast<std::byte*>(memory);
    for (std::size_t i = 0; i < pages * page; ++i) bytes[i] = static_cast<std::byte>(i % 251);
    REQUIRE(::mprotect(bytes + pages * page, page, PROT_NONE) == 0);
    return {bytes, Unmap{size}};
}

std::uintptr_t address_of(const std::byte* at) { return reinterpret_cast<std::uintptr_t>(at); }

}  // namespace

TEST_CASE("memory is read up to the first page that cannot be") {
    // More than one call of the kernel takes, and begun in the middle of a page.
    const std::size_t pages = 100;
    const auto memory = pages_before_a_hole(pages);
    for (const std::size_t begin : {std::size_t{0}, std::size_t{1000}, pages * page - 8}) {
        CAPTURE(begin);
        std::vector<std::byte> into((pages + 1) * page, std::byte{255});
        const auto size = read_memory(::getpid(), address_of(memory.get() + begin), into);
        REQUIRE(size == pages * page - begin);
        CHECK(std::memcmp(into.data(), memory.get() + begin, *size) == 0);
        CHECK(into[*size] == std::byte{255});
    }
}

TEST_CASE("no more is read than there is room for") {
    const auto memory = pages_before_a_hole(1);
    std::vector<std::byte> into(9, std::byte{255});
    const auto room = std::span(into).first(8);
    CHECK(read_memory(::getpid(), address_of(memory.get() + 3), room) == 8);
    CHECK(std::memcmp(into.data(), memory.get() + 3, 8) == 0);
    CHECK(into[8] == std::byte{255});
}

TEST_CASE("an address that leads nowhere gives nothing, a process that is not there neither") {
    const auto memory = pages_before_a_hole(1);
    std::vector<std::byte> into(8);
    CHECK(read_memory(::getpid(), address_of(memory.get() + page), into) == 0);
    CHECK(read_memory(::getpid(), 0, into) == 0);
    CHECK_FALSE(read_memory(INT_MAX, address_of(memory.get()), into));
    CHECK(errno == ESRCH);
}

TEST_CASE("an object is read whole or not at all") {
    const auto memory = pages_before_a_hole(1);
    const auto end = address_of(memory.get() + page);
    std::uint32_t last = 0;
    std::memcpy(&last, memory.get() + page - sizeof last, sizeof last);
    CHECK(read_object<std::uint32_t>(::getpid(), end - sizeof last) == last);
    CHECK_FALSE(read_object<std::uint32_t>(::getpid(), end - 2));
    CHECK_FALSE(read_object<std::uint32_t>(::getpid(), end));
}

}  // namespace unwait::sys
