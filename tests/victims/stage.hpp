// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// The inside of the victim: a process in a well-known state that tells what it is and afterwards
/// answers questions, so that a test proves what was changed and that nothing else was.
namespace victim {

/// The KEY=VALUE words after the scenario's name.
class Arguments {
public:
    explicit Arguments(std::span<char* const> words);
    [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise) const;
    [[nodiscard]] long number(const std::string& key, long otherwise) const;

private:
    std::map<std::string, std::string> values_;
};

/// What a scenario sets up: facts for the ready line and answers to questions.
class Stage {
public:
    using Answer = std::function<std::string(const std::string& rest)>;

    Stage();

    void tell(const std::string& key, const std::string& value);
    void tell(const std::string& key, std::uint64_t value) { tell(key, std::to_string(value)); }
    void tell(const std::string& key, int value) { tell(key, std::to_string(value)); }
    template <typename Value>
    void tell(const std::string& key, const std::vector<Value>& values) {
        std::string list;
        for (const Value& value : values) {
            list += (list.empty() ? "" : ",") + std::to_string(value);
        }
        tell(key, list);
    }

    /// Lines that begin with the word `question` are answered by `answer`, given what follows it.
    void answer(const std::string& question, Answer answer);

    /// Prints the ready line, then answers until `in` ends; then ends the process.
    [[noreturn]] void play(int in = 0, int out = 1);

private:
    [[nodiscard]] std::string reply(const std::string& line) const;

    std::vector<std::pair<std::string, std::string>> facts_;
    std::map<std::string, Answer> answers_;
};

using Scenario = void (*)(Stage&, const Arguments&);

struct NamedScenario {
    const char* name;
    Scenario play;
};

/// Ends the process, saying why (errno) on stderr: a victim that cannot be what it should is no
/// use.
[[noreturn]] void fail(const std::string& attempt);

/// `result`, unless it is -1: then fail().
template <typename Integer>
Integer must(Integer result, const char* attempt) {
    if (result == -1) fail(attempt);
    return result;
}

/// Counts a call that ended as it never should: the answer to `errors`.
void count_error(const char* where);
[[nodiscard]] std::uint64_t error_count();

/// st_ino; 0 when there is no such fd.
[[nodiscard]] std::uint64_t inode_of(int fd);

/// Yields until `done()`; fails after ten seconds.
void await(const std::function<bool()>& done, const char* what);

/// Ends this process with the thread that made it, which is one of `parent`.
void die_with(pid_t parent);

/// fork(), or with more in common than that (clone flags); the child ends with this process.
pid_t fork_child(unsigned long flags = 0);
/// A child that does nothing.
pid_t fork_idler(unsigned long flags = 0);

}  // namespace victim
