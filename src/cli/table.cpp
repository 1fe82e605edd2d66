// SPDX-License-Identifier: MIT
#include "table.hpp"

#include <algorithm>
#include <array>
#include <clocale>
#include <cwchar>

#include "text.hpp"

namespace unwait::cli {

namespace {

constexpr std::array<std::string_view, 5> escapes{"", "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m"};
constexpr std::string_view plain_again = "\x1b[0m";

struct Piece {
    std::string text;
    std::size_t width = 0;
    Style style = Style::plain;
};

Piece piece_of(const Cell& cell) {
    std::string text = cell.text.empty() ? "-" : printable(cell.text);
    const std::size_t width = display_width(text);
    return {std::move(text), width, cell.text.empty() ? Style::faint : cell.style};
}

void append_styled(std::string& line, const Piece& piece, bool colored) {
    if (!colored || piece.style == Style::plain) {
        line.append(piece.text);
        return;
    }
    line.append(escapes.at(static_cast<std::size_t>(piece.style)));
    line.append(piece.text).append(plain_again);
}

}  // namespace

std::size_t display_width(const std::string& text) {
    // wcwidth(3) and mbrtowc(3) ask the locale; this one is built into glibc.
    static const bool utf8 = std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr;
    if (!utf8) return text.size();
    std::size_t width = 0;
    std::mbstate_t state{};
    std::string_view rest = text;
    while (!rest.empty()) {
        wchar_t wide = L'\0';
        const std::size_t length = std::mbrtowc(&wide, rest.data(), rest.size(), &state);
        if (length == 0 || length > rest.size()) return text.size();
        width += static_cast<std::size_t>(std::max(::wcwidth(wide), 0));
        rest.remove_prefix(length);
    }
    return width;
}

std::string Table::render(bool header, bool colored) const {
    std::vector<std::vector<Piece>> lines;
    if (header) {
        auto& line = lines.emplace_back();
        for (const Column& column : columns_) {
            line.push_back({std::string(column.title), column.title.size(), Style::title});
        }
    }
    for (const Row& row : rows_) {
        std::ranges::transform(row.cells, std::back_inserter(lines.emplace_back()), piece_of);
    }

    std::vector<std::size_t> widths(columns_.size(), 0);
    std::vector<bool> shown(columns_.size(), true);
    std::size_t last = 0;
    for (std::size_t at = 0; at < columns_.size(); ++at) {
        for (const auto& line : lines) widths[at] = std::max(widths[at], line[at].width);
        shown[at] = !columns_[at].optional || !std::ranges::all_of(rows_, [at](const Row& row) {
            return row.cells[at].text.empty();
        });
        if (shown[at]) last = at;
    }

    std::string text;
    for (std::size_t number = 0; number < lines.size(); ++number) {
        for (std::size_t at = 0; at <= last; ++at) {
            if (!shown[at]) continue;
            const Piece& piece = lines[number][at];
            const std::string padding(widths[at] - piece.width, ' ');
            if (columns_[at].right) text.append(padding);
            append_styled(text, piece, colored);
            if (at == last) break;
            if (!columns_[at].right) text.append(padding);
            text.append("  ");
        }
        text.append("\n");
        if (header && number == 0) continue;
        for (const std::string& note : rows_[number - (header ? 1 : 0)].notes) {
            text.append("    ").append(printable(note)).append("\n");
        }
    }
    return text;
}

}  // namespace unwait::cli
