// SPDX-License-Identifier: MIT
#include "table.hpp"

#include <algorithm>
#include <array>
#include <clocale>
#include <cwchar>

#include "parallel.hpp"
#include "text.hpp"

namespace unwait::cli {

namespace {

constexpr std::array<std::string_view, 5> escapes{"", "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m"};
constexpr std::string_view plain_again = "\x1b[0m";
constexpr std::size_t gap = 2;

// Rows are made by all processors that are idle, a block of them at a time.
constexpr std::size_t rows_of_block = 64;
constexpr std::size_t worth_a_thread = 2;

struct Piece {
    std::string_view text;
    std::size_t width = 0;
    Style style = Style::plain;
};

struct Extent {
    std::size_t width = 0;
    bool shown = true;
};
using Extents = std::vector<Extent>;

/// Made in `room` where it is not the cell's own text.
Piece piece_of(const Cell& cell, std::string& room) {
    if (cell.text.empty()) return {"-", 1, Style::faint};
    if (is_printable_ascii(cell.text)) return {cell.text, cell.text.size(), cell.style};
    room = printable(cell.text);
    return {room, display_width(room), cell.style};
}

template <typename Take>
void for_each_row(const Table& table, std::size_t block, Take take) {
    Row row;
    const std::size_t end = std::min((block + 1) * rows_of_block, table.rows);
    for (std::size_t number = block * rows_of_block; number < end; ++number) {
        row.cells.clear();
        row.notes.clear();
        table.fill(number, row);
        take(row);
    }
}

Row titles_of(const Table& table) {
    Row row;
    for (const Column& column : table.columns) row.add(std::string(column.title), Style::title);
    return row;
}

void extend(Extent& extent, std::size_t width, bool shown) {
    extent.width = std::max(extent.width, width);
    extent.shown = extent.shown || shown;
}

Extents extents_of(const Table& table, std::size_t blocks, bool header) {
    Extents all;
    for (const Column& column : table.columns) {
        all.push_back({header ? column.title.size() : 0, !column.optional});
    }
    std::vector<Extents> of_blocks(blocks, all);
    sys::in_parallel(blocks, worth_a_thread, [&](std::size_t block) {
        std::string room;
        for_each_row(table, block, [&](const Row& row) {
            for (std::size_t at = 0; at < all.size(); ++at) {
                const Cell& cell = row.cells[at];
                extend(of_blocks[block][at], piece_of(cell, room).width, !cell.text.empty());
            }
        });
    });
    for (const Extents& extents : of_blocks) {
        for (std::size_t at = 0; at < all.size(); ++at) {
            extend(all[at], extents[at].width, extents[at].shown);
        }
    }
    return all;
}

void append_styled(std::string& text, const Piece& piece, bool colored) {
    if (!colored || piece.style == Style::plain) {
        text.append(piece.text);
        return;
    }
    text.append(escapes.at(static_cast<std::size_t>(piece.style)));
    text.append(piece.text).append(plain_again);
}

void append_line(std::string& text, const Table& table, const Extents& extents, const Row& row,
                 bool colored) {
    std::size_t spaces = 0;
    std::string room;
    for (std::size_t at = 0; at < extents.size(); ++at) {
        if (!extents[at].shown) continue;
        const Piece piece = piece_of(row.cells[at], room);
        const std::size_t padding = extents[at].width - piece.width;
        const bool right = table.columns[at].right;
        text.append(spaces + (right ? padding : 0), ' ');
        append_styled(text, piece, colored);
        spaces = gap + (right ? 0 : padding);
    }
    text.append("\n");
    for (const std::string& note : row.notes) {
        text.append("    ").append(printable(note)).append("\n");
    }
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

void Table::write(bool header, bool colored, const Sink& sink) const {
    const std::size_t blocks = rows / rows_of_block + 1;  // the first has the titles, too
    const Extents extents = extents_of(*this, blocks, header);
    const auto text_of = [&](std::size_t block) {
        std::string text;
        const auto append = [&](const Row& row) {
            append_line(text, *this, extents, row, colored);
        };
        if (header && block == 0) append(titles_of(*this));
        for_each_row(*this, block, append);
        return text;
    };
    sys::make_in_order(blocks, worth_a_thread, text_of, sink);
}

}  // namespace unwait::cli
