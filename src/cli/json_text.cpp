// SPDX-License-Identifier: MIT
#include "json_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "text.hpp"

namespace unwait::cli {

namespace {

/// By byte: all that is written goes through this.
constexpr std::array<bool, 256> plain = [] {
    std::array<bool, 256> is{};
    for (std::size_t byte = ' '; byte < 0x7f; ++byte) is[byte] = byte != '"' && byte != '\\';
    return is;
}();

bool is_plain(char c) { return plain[static_cast<std::uint8_t>(c)]; }

void append_unit(std::string& text, std::uint32_t unit) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += "\\u";
    for (unsigned shift = 16; shift > 0; shift -= 4) text += digits[unit >> (shift - 4) & 0xf];
}

/// As UTF-16 has it: in two units above U+FFFF.
void append_escaped(std::string& text, std::uint32_t point) {
    constexpr std::string_view special = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    const auto at = point < 0x80 ? special.find(static_cast<char>(point)) : std::string_view::npos;
    if (at != std::string_view::npos) {
        text += '\\';
        text += letters[at];
    } else if (point < 0x10000) {
        append_unit(text, point);
    } else {
        append_unit(text, 0xd800 + ((point - 0x10000) >> 10));
        append_unit(text, 0xdc00 + ((point - 0x10000) & 0x3ff));
    }
}

/// Cuts the first code point off valid UTF-8.
std::uint32_t take_point(std::string_view& utf8) {
    const auto lead = static_cast<std::uint8_t>(utf8[0]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    std::uint32_t point = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t at = 1; at < length; ++at) {
        point = point << 6 | (static_cast<std::uint8_t>(utf8[at]) & 0x3fU);
    }
    utf8.remove_prefix(length);
    return point;
}

void append_member(std::string& text, const JsonText::Member& member) {
    const auto& [name, value] = member;
    text.append("\"").append(name).append("\":").append(value.text());
}

}  // namespace

JsonText::JsonText(std::string_view value) {
    text_.reserve(value.size() + 2);
    text_ += '"';
    if (std::ranges::all_of(value, is_plain)) {
        text_ += value;
    } else {
        const std::string utf8 = to_utf8(value);
        for (std::string_view rest = utf8; !rest.empty();) {
            if (is_plain(rest.front())) {
                text_ += rest.front();
                rest.remove_prefix(1);
            } else {
                append_escaped(text_, take_point(rest));
            }
        }
    }
    text_ += '"';
}

JsonText::JsonText(std::initializer_list<Member> members) {
    std::size_t size = 2;
    for (const Member& member : members) {
        size += member.first.size() + member.second.text().size() + 4;
    }
    text_.reserve(size);
    text_ += '{';
    for (const Member& member : members) {
        if (text_.size() > 1) text_ += ',';
        append_member(text_, member);
    }
    text_ += '}';
}

JsonText JsonText::array() {
    JsonText array;
    array.text_ = "[]";
    return array;
}

void JsonText::push_back(const JsonText& element) {
    text_.back() = ',';
    if (text_.size() == 2) text_.pop_back();
    text_.append(element.text_).append("]");
}

void JsonText::add(const Member& member) {
    text_.back() = ',';
    append_member(text_, member);
    text_ += '}';
}

}  // namespace unwait::cli
