// SPDX-License-Identifier: MIT
#include "victim.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace unwait::test {
namespace {

std::pair<sys::Fd, sys::Fd> make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) == -1) {
        throw std::system_error(errno, std::system_category(), "pipe2");
    }
    return {sys::Fd(ends[0]), sys::Fd(ends[1])};
}

bool readable(int fd, std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd wanted{fd, POLLIN, 0};
        const int count = poll(&wanted, 1, static_cast<int>(std::max<long>(left.count(), 0)));
        if (count != -1 || errno != EINTR) return count == 1;
    }
}

[[noreturn]] void become(const std::vector<std::string>& words, int in, int out) {
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    dup2(in, 0);
    dup2(out, 1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execv(argv[0], argv.data());
    _exit(127);
}

Facts facts_of(const std::string& line) {
    Facts facts;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
        const auto split = word.find('=');
        facts[word.substr(0, split)] = split == std::string::npos ? "" : word.substr(split + 1);
    }
    return facts;
}

std::optional<std::uint64_t> leading_number(const std::string& text) {
    std::size_t used = 0;
    try {
        const std::uint64_t value = std::stoull(text, &used);
        return value;
    } catch (const std::logic_error&) {
        return std::nullopt;
    }
}

std::vector<std::string> with_program(const std::vector<std::string>& words) {
    if (!words.empty() && words.front().starts_with('/')) return words;
    std::vector<std::string> all{UNWAIT_VICTIM};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

}  // namespace

Victim::Victim(const std::vector<std::string>& words, std::chrono::milliseconds patience)
    : words_(with_program(words)), patience_(patience) {
    // A question to a victim that has ended is a failure of one test, not the end of all.
    std::signal(SIGPIPE, SIG_IGN);
    auto [in, to] = make_pipe();
    auto [from, out] = make_pipe();
    pid_ = fork();
    if (pid_ == 0) become(words_, in.get(), out.get());
    if (pid_ == -1) give_up("fork");
    to_ = std::move(to);
    from_ = std::move(from);
    out.reset();
    pidfd_ = sys::Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidfd_) give_up("pidfd_open");
    try {
        facts_ = facts_of(read_line());
    } catch (...) {
        // No destructor runs for what was never made.
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        throw;
    }
}

Victim::~Victim() {
    if (!pidfd_) return;
    to_.reset();
    // A stopped one ends too, and one that will not is killed: never more than this pid, which
    // is ours until it is reaped.
    ::kill(pid_, SIGCONT);
    if (!readable(pidfd_.get(), std::chrono::seconds(5))) ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

const std::string& Victim::fact(std::string_view key) const {
    const auto found = facts_.find(key);
    if (found == facts_.end()) give_up("the ready line has no '" + std::string(key) + "'");
    return found->second;
}

std::uint64_t Victim::number(std::string_view key) const {
    const auto value = leading_number(fact(key));
    if (!value) give_up(std::string(key) + "=" + fact(key) + " is no number");
    return *value;
}

int Victim::fd(std::string_view key) const { return static_cast<int>(number(key)); }

std::vector<std::uint64_t> Victim::numbers(std::string_view key) const {
    std::vector<std::uint64_t> values;
    std::istringstream list(fact(key));
    for (std::string item; std::getline(list, item, ',');) values.push_back(std::stoull(item));
    return values;
}

void Victim::tell(const std::string& order) {
    const std::string line = order + "\n";
    if (write(to_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        give_up("it takes no question ('" + order + "')");
    }
}

std::string Victim::ask(const std::string& question) {
    tell(question);
    std::string answer = read_line();
    if (answer == "unknown") give_up("it does not know the question '" + question + "'");
    return answer;
}

std::uint64_t Victim::ask_number(const std::string& question) {
    const std::string answer = ask(question);
    const auto value = leading_number(answer);
    if (!value) give_up("it answers '" + answer + "' to '" + question + "'");
    return *value;
}

Facts Victim::ask_facts(const std::string& question) { return facts_of(ask(question)); }

std::map<int, std::uint64_t> Victim::fds() {
    std::map<int, std::uint64_t> inodes;
    for (const auto& [fd, inode] : ask_facts("fds")) inodes[std::stoi(fd)] = std::stoull(inode);
    return inodes;
}

int Victim::end() {
    to_.reset();
    if (!readable(pidfd_.get(), patience_)) give_up("it does not end");
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) give_up("waitpid");
    pidfd_.reset();
    return status;
}

bool Victim::alive() const { return pidfd_ && !readable(pidfd_.get(), {}); }

std::string Victim::repeat_command() const {
    std::string command;
    for (const std::string& word : words_) {
        command += (command.empty() ? "'" : " '") + word + "'";
    }
    return command;
}

std::string Victim::read_line() {
    for (;;) {
        if (const auto end = pending_.find('\n'); end != std::string::npos) {
            std::string line = pending_.substr(0, end);
            pending_.erase(0, end + 1);
            return line;
        }
        if (!readable(from_.get(), patience_)) give_up("it says nothing");
        std::array<char, 65536> buffer;
        const ssize_t size = read(from_.get(), buffer.data(), buffer.size());
        if (size <= 0) give_up("it has ended");
        pending_.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

void Victim::give_up(const std::string& what) const {
    throw std::runtime_error("victim: " + what + "; repeat with: " + repeat_command());
}

}  // namespace unwait::test
