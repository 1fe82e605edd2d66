// SPDX-License-Identifier: MIT
#include "stage.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace victim {
namespace {

std::atomic<std::uint64_t> errors{0};
std::atomic<const char*> last_error{"none"};

// Neither opendir nor anything else that would open or close an fd: this may run under a seccomp
// filter, and must not disturb what it counts.
std::string open_fds() {
    rlimit limit{};
    must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    const int end = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 65536));
    std::string list;
    for (int fd = 0; fd < end; ++fd) {
        if (fcntl(fd, F_GETFD) == -1) continue;
        list += (list.empty() ? "" : " ") + std::to_string(fd) + "=" + std::to_string(inode_of(fd));
    }
    return list;
}

std::string signal_mask() {
    std::uint64_t mask = 0;
    must(syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, sizeof mask), "rt_sigprocmask");
    std::array<char, 17> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(mask));
    return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<std::string> read_line(int in) {
    static thread_local std::string pending;
    for (;;) {
        if (const auto end = pending.find('\n'); end != std::string::npos) {
            std::string line = pending.substr(0, end);
            pending.erase(0, end + 1);
            return line;
        }
        std::array<char, 4096> buffer;
        const ssize_t size = read(in, buffer.data(), buffer.size());
        if (size == 0) return std::nullopt;
        if (size > 0) {
            pending.append(buffer.data(), static_cast<std::size_t>(size));
        } else if (errno == EINTR) {
            count_error("read of a question");
        } else {
            return std::nullopt;
        }
    }
}

void write_line(int out, std::string line) {
    line += '\n';
    for (std::size_t done = 0; done < line.size();) {
        const ssize_t size = write(out, line.data() + done, line.size() - done);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) _exit(0);
        done += static_cast<std::size_t>(size);
    }
}

}  // namespace

Arguments::Arguments(std::span<char* const> words) {
    for (const std::string word : words) {
        const auto split = word.find('=');
        if (split == std::string::npos) {
            errno = EINVAL;
            fail("the argument '" + word + "' is not KEY=VALUE");
        }
        values_[word.substr(0, split)] = word.substr(split + 1);
    }
}

std::string Arguments::text(const std::string& key, const std::string& otherwise) const {
    const auto found = values_.find(key);
    return found == values_.end() ? otherwise : found->second;
}

long Arguments::number(const std::string& key, long otherwise) const {
    const auto found = values_.find(key);
    if (found == values_.end()) return otherwise;
    const std::string& text = found->second;
    long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        errno = EINVAL;
        fail(key + "=" + text);
    }
    return value;
}

Stage::Stage() {
    tell("pid", static_cast<int>(getpid()));
    answer("fds", [](const std::string&) { return open_fds(); });
    answer("sigmask", [](const std::string&) { return signal_mask(); });
    answer("errors", [](const std::string&) {
        return std::to_string(errors.load()) + " " + last_error.load();
    });
    answer("close", [](const std::string& fd) {
        return close(std::atoi(fd.c_str())) == 0 ? "0" : std::to_string(errno);
    });
    answer("open", [](const std::string& path) {
        const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
        return fd >= 0 ? std::to_string(fd) : "-" + std::to_string(errno);
    });
    answer("exit",
           [](const std::string& status) -> std::string { _exit(std::atoi(status.c_str())); });
}

void Stage::tell(const std::string& key, const std::string& value) {
    facts_.emplace_back(key, value);
}

void Stage::answer(const std::string& question, Answer answer) {
    answers_[question] = std::move(answer);
}

std::string Stage::reply(const std::string& line) const {
    const auto split = line.find(' ');
    const auto found = answers_.find(line.substr(0, split));
    if (found == answers_.end()) return "unknown";
    return found->second(split == std::string::npos ? "" : line.substr(split + 1));
}

void Stage::play(int in, int out) {
    std::string ready;
    for (const auto& [key, value] : facts_) {
        ready += ready.empty() ? "" : " ";
        ready += key;
        ready += '=';
        ready += value;
    }
    write_line(out, ready);
    while (const auto line = read_line(in)) write_line(out, reply(*line));
    _exit(0);
}

void fail(const std::string& attempt) {
    std::fprintf(stderr, "victim: %s: %s\n", attempt.c_str(), std::strerror(errno));
    _exit(1);
}

void count_error(const char* where) {
    last_error = where;
    ++errors;
}

std::uint64_t error_count() { return errors; }

std::uint64_t inode_of(int fd) {
    struct stat status {};
    return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

void await(const std::function<bool()>& done, const char* what) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) {
            errno = ETIMEDOUT;
            fail(what);
        }
        sched_yield();
    }
}

void die_with(pid_t parent) {
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl PR_SET_PDEATHSIG");
    // It may have ended before that.
    if (getppid() != parent) _exit(0);
}

pid_t fork_child(unsigned long flags) {
    const pid_t parent = getpid();
    const long pid = syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, 0UL);
    if (must(pid, "clone") == 0) die_with(parent);
    return static_cast<pid_t>(pid);
}

pid_t fork_idler(unsigned long flags) {
    const pid_t pid = fork_child(flags);
    while (pid == 0) pause();
    return pid;
}

}  // namespace victim
