// SPDX-License-Identifier: MIT
#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include "runtime.hpp"

namespace unwait::proc {
namespace {

// A program may be anything, even hostile: every size is bounded before it is believed.
constexpr std::size_t most_headers = 4096;
constexpr std::size_t longest_names = std::size_t{1} << 20;
constexpr std::size_t longest_note = 4096;

/// As many whole elements as the file has at that place.
template <typename Element>
std::vector<Element> read_elements(int file, std::uint64_t offset, std::size_t count) {
    std::vector<Element> elements(count);
    const ssize_t got =
        ::pread(file, elements.data(), count * sizeof(Element), static_cast<off_t>(offset));
    elements.resize(got > 0 ? static_cast<std::size_t>(got) / sizeof(Element) : 0);
    return elements;
}

std::size_t padded(std::size_t size) { return (size + 3) / 4 * 4; }

bool has_go_note(std::string_view notes) {
    using namespace std::string_view_literals;
    Elf64_Nhdr header;
    while (notes.size() >= sizeof header) {
        std::memcpy(&header, notes.data(), sizeof header);
        notes.remove_prefix(sizeof header);
        if (notes.substr(0, header.n_namesz) == "Go\0\0"sv) return true;
        notes.remove_prefix(
            std::min(padded(header.n_namesz) + padded(header.n_descsz), notes.size()));
    }
    return false;
}

bool has_go_segment(int file, const Elf64_Ehdr& header) {
    const std::size_t count = std::min<std::size_t>(header.e_phnum, most_headers);
    const auto segments = read_elements<Elf64_Phdr>(file, header.e_phoff, count);
    return std::ranges::any_of(segments, [file](const Elf64_Phdr& segment) {
        if (segment.p_type != PT_NOTE) return false;
        const std::size_t size = std::min<std::size_t>(segment.p_filesz, longest_note);
        const auto notes = read_elements<char>(file, segment.p_offset, size);
        return has_go_note({notes.data(), notes.size()});
    });
}

bool has_go_section(int file, const Elf64_Ehdr& header) {
    const std::size_t count = std::min<std::size_t>(header.e_shnum, most_headers);
    const auto sections = read_elements<Elf64_Shdr>(file, header.e_shoff, count);
    if (header.e_shstrndx >= sections.size()) return false;
    const Elf64_Shdr& strings = sections[header.e_shstrndx];
    const std::size_t size = std::min<std::size_t>(strings.sh_size, longest_names);
    const auto bytes = read_elements<char>(file, strings.sh_offset, size);
    const std::string_view names(bytes.data(), bytes.size());
    return std::ranges::any_of(sections, [names](const Elf64_Shdr& section) {
        constexpr std::string_view wanted(".go.buildinfo", sizeof ".go.buildinfo");  // with its NUL
        return section.sh_name < names.size() &&
               names.substr(section.sh_name, wanted.size()) == wanted;
    });
}

}  // namespace

bool has_go_mark(int file) {
    constexpr unsigned char native_order =
        std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    const auto headers = read_elements<Elf64_Ehdr>(file, 0, 1);
    if (headers.empty()) return false;
    const Elf64_Ehdr& header = headers.front();
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != native_order) {
        return false;
    }
    const bool known_layout =
        header.e_phentsize == sizeof(Elf64_Phdr) && header.e_shentsize == sizeof(Elf64_Shdr);
    return known_layout && (has_go_segment(file, header) || has_go_section(file, header));
}

}  // namespace unwait::proc
