// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

/// The few moves that all readers of /proc text share. They never throw and never read beyond the
/// text.
namespace unwait::sys {

/// The whole text as a number, without sign or blanks.
template <std::integral Number>
[[nodiscard]] std::optional<Number> to_number(std::string_view text, int base = 10) noexcept {
    Number value{};
    if (!text.empty() && text.front() == '-') return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Cuts the part before the first `separator` off the front of `rest`; all of it when there is
/// none.
[[nodiscard]] inline std::string_view take_until(std::string_view& rest, char separator) noexcept {
    const auto end = rest.find(separator);
    const auto part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return part;
}

/// Cuts the next word off, with the blanks (space, tab) before it; empty at the end.
[[nodiscard]] inline std::string_view take_word(std::string_view& rest) noexcept {
    constexpr std::string_view blanks = " \t\n";
    const auto begin = rest.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return rest = {};
    rest.remove_prefix(begin);
    const auto word = rest.substr(0, rest.find_first_of(blanks));
    rest.remove_prefix(word.size());
    return word;
}

/// "socket:[7]" with prefix "socket:[" → 7: the form of links to files without a path.
[[nodiscard]] inline std::optional<unsigned long> bracketed_number(
    std::string_view link, std::string_view prefix) noexcept {
    if (!link.starts_with(prefix) || !link.ends_with(']')) return std::nullopt;
    return to_number<unsigned long>(link.substr(prefix.size(), link.size() - prefix.size() - 1));
}

}  // namespace unwait::sys
