// SPDX-License-Identifier: MIT
#include "table.hpp"

#include <algorithm>
#include <array>
#include <clocale>
#include <cwchar>
#include <span>

#include "text.hpp"

namespace unwait::cli {

namespace {

constexpr std::array<std::string_view, 5> escapes{"", "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m"};
constexpr std::string_view plain_again = "\x1b[0m";
constexpr std::size_t gap = 2;
constexpr std::size_t much = 1U << 16;

struct Piece {
    std::string text;
    std::size_t width = 0;
    Style style = Style::plain;
};

struct Extent {
    std::size_t width = 0;
    bool shown = true;
};

Piece piece_of(const Cell& cell) {
    std::string text = cell.text.empty() ? "-" : printable(cell.text);
    const std::size_t width = display_width(text);
    return {std::move(text), width, cell.text.empty() ? Style::faint : cell.style};
}

const Row& make_row(const Table& table, std::size_t number, Row& room) {
    room.cells.clear();
    room.notes.clear();
    table.fill(number, room);
    return room;
}

Row titles_of(const Table& table) {
    Row row;
    for (const Column& column : table.columns) row.add(std::string(column.title), Style::title);
    return row;
}

std::vector<Extent> extents_of(const Table& table, bool header) {
    std::vector<Extent> extents;
    for (const Column& column : table.columns) {
        extents.push_back({header ? column.title.size() : 0, !column.optional});
    }
    Row room;
    for (std::size_t number = 0; number < table.rows; ++number) {
        const Row& row = make_row(table, number, room);
        for (std::size_t at = 0; at < extents.size(); ++at) {
            const Cell& cell = row.cells[at];
            extents[at].width = std::max(extents[at].width, piece_of(cell).width);
            extents[at].shown = extents[at].shown || !cell.text.empty();
        }
    }
    return extents;
}

void append_styled(std::string& text, const Piece& piece, bool colored) {
    if (!colored || piece.style == Style::plain) {
        text.append(piece.text);
        return;
    }
    text.append(escapes.at(static_cast<std::size_t>(piece.style)));
    text.append(piece.text).append(plain_again);
}

void append_line(std::string& text, const Table& table, std::span<const Extent> extents,
                 const Row& row, bool colored) {
    std::size_t spaces = 0;
    for (std::size_t at = 0; at < extents.size(); ++at) {
        if (!extents[at].shown) continue;
        const Piece piece = piece_of(row.cells[at]);
        const std::size_t padding = extents[at].width - piece.width;
        const bool right = table.columns[at].right;
        text.append(spaces + (right ? padding : 0), ' ');
        append_styled(text, piece, colored);
        spaces = gap + (right ? 0 : padding);
    }
    text.append("\n");
}

}  // namespace

std::size_t display_width(const std::string& text) {
    if (std::ranges::all_of(text, [](char byte) { return (byte & 0x80) == 0; })) return text.size();
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

void Table::write(bool header, bool colored, const Sink& sink) const {
    const auto extents = extents_of(*this, header);
    std::string text;
    if (header) append_line(text, *this, extents, titles_of(*this), colored);
    Row room;
    for (std::size_t number = 0; number < rows; ++number) {
        const Row& row = make_row(*this, number, room);
        append_line(text, *this, extents, row, colored);
        for (const std::string& note : row.notes) {
            text.append("    ").append(printable(note)).append("\n");
        }
        if (text.size() < much) continue;
        sink(text);
        text.clear();
    }
    sink(text);
}

}  // namespace unwait::cli
