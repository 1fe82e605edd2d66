// SPDX-License-Identifier: MIT
#include "unwind_table.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "memory.hpp"

namespace unwait::ptrace {

namespace {

/// As linkers write it: version 1, offsets and the count in 32 bits (DWARF's pcrel|sdata4, udata4,
/// datarel|sdata4).
struct Header {
    std::uint8_t version, frames_encoding, count_encoding, entries_encoding;
    std::int32_t frames;
    std::uint32_t count;

    [[nodiscard]] bool is_usual() const noexcept {
        return version == 1 && frames_encoding == 0x1b && count_encoding == 0x03 &&
               entries_encoding == 0x3b;
    }
};

constexpr std::size_t most_segments = 64;

}  // namespace

std::optional<UnwindTable> find_unwind_table(pid_t pid, const AddressRange& object) {
    const auto elf = sys::read_object<Elf64_Ehdr>(pid, object.begin);
    if (!elf || std::memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 ||
        elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_phentsize != sizeof(Elf64_Phdr)) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(elf->e_phnum, most_segments); ++i) {
        const auto segment =
            sys::read_object<Elf64_Phdr>(pid, object.begin + elf->e_phoff + i * sizeof(Elf64_Phdr));
        if (!segment || segment->p_type != PT_GNU_EH_FRAME) continue;
        const std::uintptr_t at = object.begin + segment->p_vaddr;
        const auto header = sys::read_object<Header>(pid, at);
        if (!header || !header->is_usual()) return std::nullopt;
        return UnwindTable{object, at, at + sizeof(Header), header->count};
    }
    return std::nullopt;
}

}  // namespace unwait::ptrace
