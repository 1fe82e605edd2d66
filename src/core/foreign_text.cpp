// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include "text.hpp"

/// Text that other processes chose: command names, paths, cgroups.
namespace unwait {
namespace {

struct Range {
    char32_t first;
    char32_t last;
};

/// Characters that move the cursor, end the line, turn the direction or show nothing at all.
constexpr std::array unprintable{
    Range{0x0000, 0x001F},   Range{0x007F, 0x009F},  // C0, DEL, C1
    Range{0x061C, 0x061C},   Range{0x200E, 0x200F},  // direction marks
    Range{0x202A, 0x202E},   Range{0x2066, 0x2069},  // direction overrides and isolates
    Range{0x2028, 0x2029},                           // line and paragraph separator
    Range{0x200B, 0x200B},   Range{0x2060, 0x2065},  // width zero; joiners (200C, 200D) are letters
    Range{0x00AD, 0x00AD},   Range{0x180E, 0x180E},  // soft hyphen, Mongolian vowel separator
    Range{0x115F, 0x1160},   Range{0x3164, 0x3164},  // fillers of Hangul, also of half width
    Range{0xFFA0, 0xFFA0},   Range{0x2800, 0x2800},  // braille without a dot
    Range{0x206A, 0x206F},   Range{0xFEFF, 0xFEFF},  // deprecated formatting, byte order mark
    Range{0xFFF0, 0xFFFB},   Range{0xE0000, 0xE0FFF},  // annotations, tags and their neighbours
    Range{0x1D173, 0x1D17A},                           // beams and slurs of music
};

struct CodePoint {
    char32_t value;
    std::size_t length;  ///< in bytes
};

constexpr std::uint8_t byte_at(std::string_view text, std::size_t at) noexcept {
    return static_cast<std::uint8_t>(text[at]);
}

/// The code point that a text begins with; absent when its first byte begins none (Unicode, table
/// 3-7: no overlong form, surrogate, or value above U+10FFFF).
constexpr std::optional<CodePoint> first_code_point(std::string_view text) noexcept {
    const std::uint8_t lead = byte_at(text, 0);
    if (lead < 0x80) {
        return CodePoint{lead, 1};
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return std::nullopt;
    }
    const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (text.size() < length) {
        return std::nullopt;
    }
    char32_t value = lead & (0x7FU >> length);
    for (std::size_t at = 1; at < length; ++at) {
        if ((byte_at(text, at) & 0xC0U) != 0x80U) {
            return std::nullopt;
        }
        value = (value << 6U) | (byte_at(text, at) & 0x3FU);
    }
    const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (overlong || surrogate || value > 0x10FFFF) {
        return std::nullopt;
    }
    return CodePoint{value, length};
}

constexpr bool is_plain(char letter) noexcept { return letter >= 0x20 && letter < 0x7F; }

constexpr bool is_shown(char32_t value) noexcept {
    return std::ranges::none_of(unprintable, [value](const Range& range) {
        return value >= range.first && value <= range.last;
    });
}

std::string hex(std::uint32_t value) {
    std::array<char, 8> digits{};
    const auto result = std::to_chars(digits.begin(), digits.end(), value, 16);
    return {digits.begin(), result.ptr};
}

std::string escaped_byte(std::uint8_t byte) { return (byte < 0x10 ? "\\x0" : "\\x") + hex(byte); }

}  // namespace

bool is_printable_ascii(std::string_view text) noexcept {
    return std::ranges::all_of(text, is_plain);
}

std::string printable(std::string_view text) {
    std::string safe;
    safe.reserve(text.size());
    while (!text.empty()) {
        const auto ascii = std::ranges::find_if_not(text, is_plain);
        safe.append(text.begin(), ascii);
        text.remove_prefix(static_cast<std::size_t>(ascii - text.begin()));
        if (text.empty()) break;
        const auto point = first_code_point(text);
        const std::size_t length = point ? point->length : 1;
        if (point && is_shown(point->value)) {
            safe += text.substr(0, length);
        } else if (length == 1) {
            safe += escaped_byte(byte_at(text, 0));
        } else {
            safe += "\\u{" + hex(point->value) + "}";
        }
        text.remove_prefix(length);
    }
    return safe;
}

std::string to_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const auto ascii = std::ranges::find_if(text, [](char c) { return (c & 0x80) != 0; });
        valid.append(text.begin(), ascii);
        text.remove_prefix(static_cast<std::size_t>(ascii - text.begin()));
        if (text.empty()) break;
        const auto point = first_code_point(text);
        const std::size_t length = point ? point->length : 1;
        valid += point ? text.substr(0, length) : std::string_view{"\xEF\xBF\xBD"};
        text.remove_prefix(length);
    }
    return valid;
}

}  // namespace unwait
