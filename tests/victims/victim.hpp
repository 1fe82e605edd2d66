// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fd.hpp"

namespace unwait::test {

/// KEY=VALUE pairs of a line.
using Facts = std::map<std::string, std::string, std::less<>>;

/// A running victim program (tests/victims): it is what its scenario says from the moment this
/// object exists, and is gone when the object is. Every failure throws std::runtime_error with the
/// command that repeats it.
class Victim {
public:
    /// Starts `victim SCENARIO KEY=VALUE...`, or another program that speaks as it does when the
    /// first word is its path, and reads its ready line.
    explicit Victim(const std::vector<std::string>& words,
                    std::chrono::milliseconds patience = std::chrono::seconds(15));
    ~Victim();
    Victim(Victim&& other) noexcept = default;
    Victim& operator=(Victim&&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// From the ready line.
    [[nodiscard]] const std::string& fact(std::string_view key) const;
    [[nodiscard]] std::uint64_t number(std::string_view key) const;
    [[nodiscard]] int fd(std::string_view key = "fd") const;
    [[nodiscard]] std::vector<std::uint64_t> numbers(std::string_view key) const;

    /// One line out; the answer is for whoever asks next, or for nobody.
    void tell(const std::string& order);
    /// One line out, one line back.
    std::string ask(const std::string& question);
    /// The number that the answer begins with.
    std::uint64_t ask_number(const std::string& question);
    Facts ask_facts(const std::string& question);
    /// fd → inode.
    std::map<int, std::uint64_t> fds();

    /// Lets it end by itself (or waits for its end) and returns the status as waitpid(2) gives it.
    int end();
    /// Whether it has not ended.
    [[nodiscard]] bool alive() const;
    /// The command that starts the same victim by hand.
    [[nodiscard]] std::string repeat_command() const;

private:
    [[nodiscard]] std::string read_line();
    [[noreturn]] void give_up(const std::string& what) const;

    std::vector<std::string> words_;
    std::chrono::milliseconds patience_;
    sys::Fd to_;
    sys::Fd from_;
    sys::Fd pidfd_;
    pid_t pid_ = -1;
    std::string pending_;
    Facts facts_;
};

}  // namespace unwait::test
