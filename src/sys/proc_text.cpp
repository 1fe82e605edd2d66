// SPDX-License-Identifier: MIT
#include "proc_text.hpp"

#include <algorithm>

#include "text_scan.hpp"

namespace unwait::sys {

std::optional<Stat> parse_stat(std::string_view text) {
    const auto open = text.find(" (");
    const auto close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) {
        return std::nullopt;
    }
    Stat stat;
    stat.command = text.substr(open + 2, close - open - 2);
    const auto pid = to_number<pid_t>(text.substr(0, open));
    std::string_view rest = text.substr(close + 1);
    const std::string_view state = take_word(rest);
    const auto parent = to_number<pid_t>(take_word(rest));
    for (int field = 5; field < 9; ++field) static_cast<void>(take_word(rest));
    const auto flags = to_number<std::uint32_t>(take_word(rest));
    for (int field = 10; field < 22; ++field) static_cast<void>(take_word(rest));
    const auto start_time = to_number<std::uint64_t>(take_word(rest));
    if (!pid || state.size() != 1 || !parent || !flags || !start_time) return std::nullopt;
    stat.pid = *pid;
    stat.state = state.front();
    stat.parent = *parent;
    stat.flags = *flags;
    stat.start_time = *start_time;
    return stat;
}

std::optional<std::string_view> status_field(std::string_view text, std::string_view name) {
    while (!text.empty()) {
        std::string_view value = take_until(text, '\n');
        if (take_until(value, ':') != name) continue;
        constexpr std::string_view blanks = " \t";
        value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
        return value.substr(0, value.find_last_not_of(blanks) + 1);
    }
    return std::nullopt;
}

std::string_view cgroup_path(std::string_view text, std::string_view controller) noexcept {
    while (!text.empty()) {
        std::string_view path = take_until(text, '\n');  // "ID:CONTROLLERS:PATH"
        static_cast<void>(take_until(path, ':'));
        std::string_view controllers = take_until(path, ':');
        do {
            if (take_until(controllers, ',') == controller) return path;
        } while (!controllers.empty());
    }
    return {};
}

std::string unescape(std::string_view text, std::string_view mark, std::size_t digits, int base) {
    std::string plain;
    while (!text.empty()) {
        const std::size_t length = mark.size() + digits;
        const auto code = text.starts_with(mark) && text.size() >= length
                              ? to_number<unsigned>(text.substr(mark.size(), digits), base)
                              : std::nullopt;
        plain += code ? static_cast<char>(*code) : text.front();
        text.remove_prefix(code ? length : 1);
    }
    return plain;
}

}  // namespace unwait::sys
