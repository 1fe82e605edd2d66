// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace unwait::cli {

enum class Style : std::uint8_t { plain, title, good, bad, faint };

/// Text of any origin: it is made printable when it is written.
struct Cell {
    std::string text;
    Style style = Style::plain;
};

struct Column {
    std::string_view title;
    bool right = false;     ///< numbers
    bool optional = false;  ///< left out when no row has text for it
};

struct Row {
    std::vector<Cell> cells;         ///< one for each column; an empty one reads "-"
    std::vector<std::string> notes;  ///< lines below it, indented

    void add(std::string text, Style style = Style::plain) {
        cells.push_back({std::move(text), style});
    }
};

/// Takes a part of a text after the other.
using Sink = std::function<void(std::string_view)>;

/// Aligned columns, each as wide as its widest cell on a terminal. A row is made twice, to see how
/// wide it is and to write it, so that not all of a hundred thousand are in memory.
struct Table {
    std::vector<Column> columns;
    std::size_t rows;
    std::function<void(std::size_t, Row&)> fill;  ///< makes that one, the first is 0

    void write(bool header, bool colored, const Sink& sink) const;
};

/// Columns that printable UTF-8 text takes on a terminal.
[[nodiscard]] std::size_t display_width(const std::string& text);

}  // namespace unwait::cli
