// SPDX-License-Identifier: MIT
#include "json_text.hpp"

#include <cstddef>
#include <cstdint>

#include "text.hpp"

namespace unwait::cli {

namespace {

constexpr bool is_plain(char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; }

/// Looks at all of them, which is faster than to look for the first that is not.
bool are_all_plain(std::string_view text) {
    unsigned special = 0;
    for (const char c : text) special |= is_plain(c) ? 0U : 1U;
    return special == 0;
}

void append_unit(JsonText& text, std::uint32_t unit) {
    constexpr std::string_view digits = "0123456789abcdef";
    text.append("\\u");
    for (unsigned shift = 16; shift > 0; shift -= 4) text.append(digits[unit >> (shift - 4) & 0xf]);
}

/// As UTF-16 has it: in two units above U+FFFF.
void append_escaped(JsonText& text, std::uint32_t point) {
    constexpr std::string_view special = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    const auto at = point < 0x80 ? special.find(static_cast<char>(point)) : std::string_view::npos;
    if (at != std::string_view::npos) {
        text.append('\\');
        text.append(letters[at]);
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

}  // namespace

JsonText::Value::Value(const std::initializer_list<Member>& members)
    : value_(&members), write_([](JsonText& text, const void* what) {
          text.append('{');
          for (const auto& [name, value] :
               *static_cast<const std::initializer_list<Member>*>(what)) {
              text.separate();
              text.append('"');
              text.append(name);
              text.append("\":");
              text.write(value);
          }
          text.append('}');
      }) {}

void JsonText::merge(const Value& object) {
    text_.pop_back();
    const std::size_t brace = text_.size();
    write(object);
    text_[brace] = ',';
}

void write_json(JsonText& text, std::string_view value) {
    text.append('"');
    if (are_all_plain(value)) {
        text.append(value);
    } else {
        const std::string utf8 = to_utf8(value);
        for (std::string_view rest = utf8; !rest.empty();) {
            if (is_plain(rest.front())) {
                text.append(rest.front());
                rest.remove_prefix(1);
            } else {
                append_escaped(text, take_point(rest));
            }
        }
    }
    text.append('"');
}

}  // namespace unwait::cli
