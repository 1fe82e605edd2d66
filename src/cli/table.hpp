// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace unwait::cli {

enum class Style : std::uint8_t { plain, title, good, bad, faint };

/// Text of any origin: it is made printable when the table is rendered.
struct Cell {
    std::string text;
    Style style = Style::plain;
};

struct Column {
    std::string_view title;
    bool right = false;     ///< numbers
    bool optional = false;  ///< left out when no row has text for it
};

/// Aligned columns, each as wide as its widest cell on a terminal.
class Table {
public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    /// One Cell for each column; an empty one reads "-".
    void add(std::vector<Cell> row) { rows_.push_back({std::move(row), {}}); }
    /// A line below the last row, indented.
    void note(std::string line) { rows_.back().notes.push_back(std::move(line)); }

    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    [[nodiscard]] std::string render(bool header, bool colored) const;

private:
    struct Row {
        std::vector<Cell> cells;
        std::vector<std::string> notes;
    };
    std::vector<Column> columns_;
    std::vector<Row> rows_;
};

/// Columns that printable UTF-8 text takes on a terminal.
[[nodiscard]] std::size_t display_width(const std::string& text);

}  // namespace unwait::cli
