// SPDX-License-Identifier: MIT
#include "cave.hpp"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "code_map.hpp"
#include "file.hpp"

namespace unwait::ptrace {

namespace {

/// A file may have that in its name, but no file has that name.
std::optional<AddressRange> vdso_range(std::string_view maps) {
    CodeMap map;
    map.take_maps(maps);
    return map.range_of("[vdso]");
}

bool read_all(const sys::Fd& memory, std::uintptr_t address, void* into, std::size_t size) {
    return ::pread(memory.get(), into, size, static_cast<off_t>(address)) ==
           static_cast<ssize_t>(size);
}

constexpr std::uintptr_t align_up(std::uintptr_t value) {
    return (value + 15) & ~std::uintptr_t{15};
}

// The section headers are the last thing in the image (their end, not the last byte that is not
// zero, because slots may follow).
template <typename ElfHeader>
std::optional<std::uint64_t> size_of_image(const sys::Fd& memory, std::uintptr_t begin) {
    ElfHeader header{};
    if (!read_all(memory, begin, &header, sizeof header) || header.e_shoff == 0) {
        return std::nullopt;
    }
    return std::uint64_t{header.e_shoff} + std::uint64_t{header.e_shnum} * header.e_shentsize;
}

}  // namespace

std::optional<Cave> Cave::find(pid_t tid, const sys::Fd& memory) {
    const auto maps =
        sys::read_file("/proc/" + std::to_string(tid) + "/maps", std::size_t{64} << 20);
    const auto range = maps ? vdso_range(*maps) : std::nullopt;
    if (!range) return std::nullopt;
    std::array<unsigned char, EI_NIDENT> ident{};
    if (!read_all(memory, range->begin, ident.data(), ident.size()) ||
        std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0) {
        return std::nullopt;
    }
    const bool is_32_bit = ident[EI_CLASS] == ELFCLASS32;
    const auto used = is_32_bit ? size_of_image<Elf32_Ehdr>(memory, range->begin)
                                : size_of_image<Elf64_Ehdr>(memory, range->begin);
    if (!used || *used > range->end - range->begin) return std::nullopt;
    return Cave({align_up(range->begin + *used), range->end}, is_32_bit);
}

Cave::Room Cave::room(const sys::Fd& memory) const {
    std::vector<std::byte> tail(range_.end - range_.begin);
    if (!read_all(memory, range_.begin, tail.data(), tail.size())) return {};
    std::size_t at = 0;
    while (tail.size() - at >= sizeof(Header)) {
        Header header{};
        std::memcpy(&header, tail.data() + at, sizeof header);
        if (header.magic != cave_magic) break;
        if (header.size < sizeof(Header) || header.size % 16 != 0 ||
            header.size > tail.size() - at) {
            return {};
        }
        at += header.size;
    }
    const bool empty = std::all_of(tail.begin() + static_cast<std::ptrdiff_t>(at), tail.end(),
                                   [](std::byte byte) { return byte == std::byte{0}; });
    return empty ? Room{range_.begin + at, tail.size() - at} : Room{};
}

}  // namespace unwait::ptrace
