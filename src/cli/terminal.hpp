// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "command.hpp"

namespace unwait::cli {

/// Whether text for this fd is coloured: --color decides, else NO_COLOR, TERM and the terminal.
[[nodiscard]] bool is_colored(int fd, Color color);

/// Standard output, buffered. Not being able to write is an error.
class ResultStream {
public:
    /// Keeps the text until flush() or until there is much of it. Throws Error.
    void write(std::string_view text);
    /// Throws Error.
    void flush();

private:
    std::string pending_;
};

/// Standard error, for people. Control characters of foreign origin do not get through; not being
/// able to write is ignored.
class Talk {
public:
    explicit Talk(const Output& output = {}) : output_(output) {}

    [[nodiscard]] bool is_quiet() const noexcept { return output_.quiet; }
    [[nodiscard]] bool is_verbose() const noexcept { return output_.verbose; }
    /// Whether standard error is a terminal on which a line may come and go, and results do not
    /// come between.
    [[nodiscard]] bool shows_progress() const;

    /// A line that --quiet suppresses.
    void note(std::string_view line) const;
    /// A line that only --verbose shows.
    void detail(std::string_view line) const;
    /// A line that is always shown.
    void tell(std::string_view line) const;
    /// Text that is safe already, as Table::render makes it.
    void show(std::string_view text) const;

private:
    Output output_;
};

enum class Answer : std::uint8_t { yes, no, nobody_to_ask };

/// Asks on standard error and reads the answer from standard input; nobody_to_ask unless both are
/// terminals. Anything but "y" or "yes", end of file included, is a no.
[[nodiscard]] Answer ask(const std::string& question);

}  // namespace unwait::cli
