// SPDX-License-Identifier: MIT
#include "terminal.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "text.hpp"
#include "unwait/error.hpp"

namespace unwait::cli {

namespace {

constexpr std::size_t much = 1U << 16;

/// False with errno set when not everything could be written.
bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

/// One line without its newline; what was read when the terminal said end of file.
std::string read_line(int fd) {
    std::string line;
    char byte = '\0';
    for (;;) {
        const ssize_t got = ::read(fd, &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            write_all(STDERR_FILENO, "\n");
            return line;
        }
        if (byte == '\n') return line;
        line.push_back(byte);
    }
}

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

}  // namespace

bool is_colored(int fd, Color color) {
    if (color != Color::automatic) return color == Color::always;
    return variable("NO_COLOR").empty() && variable("TERM") != "dumb" && ::isatty(fd) == 1;
}

void ResultStream::write(std::string_view text) {
    pending_.append(text);
    if (pending_.size() >= much) flush();
}

void ResultStream::flush() {
    const bool written = write_all(STDOUT_FILENO, pending_);
    const int number = errno;
    pending_.clear();
    if (!written) throw Error(number, "write to standard output");
}

bool Talk::shows_progress() const {
    const bool results_between = output_.format == Format::ndjson && ::isatty(STDOUT_FILENO) == 1;
    return !output_.quiet && !results_between && variable("TERM") != "dumb" &&
           ::isatty(STDERR_FILENO) == 1;
}

void Talk::note(std::string_view line) const {
    if (!output_.quiet) tell(line);
}

void Talk::detail(std::string_view line) const {
    if (output_.verbose) tell(line);
}

void Talk::tell(std::string_view line) const { show("unwait: " + printable(line) + "\n"); }

void Talk::show(std::string_view text) const { write_all(STDERR_FILENO, text); }

Answer ask(const std::string& question) {
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return Answer::nobody_to_ask;
    write_all(STDERR_FILENO, printable(question) + " [y/N] ");
    const std::string answer = read_line(STDIN_FILENO);
    const bool consented = answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
    return consented ? Answer::yes : Answer::no;
}

}  // namespace unwait::cli
