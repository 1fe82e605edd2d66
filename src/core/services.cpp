// SPDX-License-Identifier: MIT
#include "services.hpp"

#include <algorithm>
#include <limits>

#include "text.hpp"

namespace unwait {
namespace {

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line.substr(0, line.find('#'));
}

std::string_view take_word(std::string_view& line) {
    constexpr std::string_view blanks = " \t\r";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

/// "80/tcp".
std::optional<std::uint16_t> tcp_port(std::string_view word) {
    constexpr std::string_view protocol = "/tcp";
    if (!word.ends_with(protocol)) {
        return std::nullopt;
    }
    word.remove_suffix(protocol.size());
    const auto number = parse_number(word);
    if (!number || *number > std::numeric_limits<std::uint16_t>::max()) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(*number);
}

}  // namespace

Services::Services(std::string_view text) {
    while (!text.empty()) {
        std::string_view line = take_line(text);
        const std::string_view name = take_word(line);
        const auto port = tcp_port(take_word(line));
        if (!port) {
            continue;
        }
        // The first entry of a name counts, as it does for getservbyname(3).
        ports_.try_emplace(std::string(name), *port);
        for (auto alias = take_word(line); !alias.empty(); alias = take_word(line)) {
            ports_.try_emplace(std::string(alias), *port);
        }
    }
}

std::optional<std::uint16_t> Services::port_of(std::string_view name) const {
    const auto found = ports_.find(name);
    return found == ports_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string_view> Services::names() const {
    std::vector<std::string_view> names;
    for (const auto& [name, _] : ports_) {
        names.push_back(name);
    }
    return names;
}

}  // namespace unwait
