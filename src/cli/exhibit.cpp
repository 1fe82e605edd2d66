// SPDX-License-Identifier: MIT
#include "exhibit.hpp"

#include <algorithm>

#include "table.hpp"
#include "text.hpp"

namespace unwait::cli {

namespace {

constexpr std::size_t most_before = 50;
constexpr std::size_t most_after = 50;
constexpr std::string_view dots = "...";

bool begins_a_letter(std::string_view text, std::size_t at) {
    return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
}

}  // namespace

std::vector<std::string> exhibit_of(std::string_view text, std::size_t at, std::size_t length) {
    at = std::min(at, text.size());
    length = std::min(length, text.size() - at);
    std::size_t first = at > most_before + dots.size() ? at - most_before : 0;
    while (!begins_a_letter(text, first)) ++first;
    std::size_t last = at + length + most_after + dots.size() < text.size()
                           ? at + std::min(length, most_after) + most_after
                           : text.size();
    while (!begins_a_letter(text, last)) ++last;

    const std::string before =
        (first > 0 ? std::string(dots) : "") + printable(text.substr(first, at - first));
    const std::size_t wrong_end = std::min(at + length, last);
    const std::string wrong = printable(text.substr(at, wrong_end - at));
    const std::string after = printable(text.substr(wrong_end, last - wrong_end)) +
                              (last < text.size() ? std::string(dots) : "");
    const std::size_t marks = std::max<std::size_t>(display_width(wrong), 1);
    return {"  " + before + wrong + after,
            "  " + std::string(display_width(before), ' ') + "^" + std::string(marks - 1, '~')};
}

}  // namespace unwait::cli
