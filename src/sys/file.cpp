// SPDX-License-Identifier: MIT
#include "file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "unwait/error.hpp"

namespace unwait::sys {
namespace {

bool is_absence(int error) noexcept {
    return error == ENOENT || error == ESRCH || error == ENOTDIR;
}

/// The path as a reader of an error message would write it: with its directory in front.
std::string full_path(int directory, const char* path) {
    if (directory == AT_FDCWD || path[0] == '/') return path;
    std::array<char, PATH_MAX> target{};
    const std::string link = "/proc/self/fd/" + std::to_string(directory);
    const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
    if (length < 0) return path;
    return std::string(target.data(), static_cast<std::size_t>(length)) + '/' + path;
}

[[noreturn]] void fail(int error, const char* operation, int directory, const char* path) {
    throw Error(error, std::string(operation) + " of " + full_path(directory, path));
}

std::optional<Fd> open_at(int directory, const char* path, int flags) {
    for (;;) {
        Fd fd(::openat(directory, path, flags | O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (fd) return fd;
        if (errno == EINTR) continue;
        if (is_absence(errno)) return std::nullopt;
        fail(errno, "open", directory, path);
    }
}

}  // namespace

std::optional<std::string> read_file(int directory, const char* path, std::size_t limit) {
    const std::optional<Fd> fd = open_at(directory, path, 0);
    if (!fd) return std::nullopt;
    constexpr std::size_t first_size = 4096;  // files of /proc have no size to ask for
    std::string text(std::min(limit, first_size), '\0');
    std::size_t length = 0;
    while (length < limit) {
        if (length == text.size()) text.resize(std::min(limit, text.size() * 2));
        const ssize_t got = ::read(fd->get(), text.data() + length, text.size() - length);
        if (got == 0) break;
        if (got > 0) {
            length += static_cast<std::size_t>(got);
        } else if (is_absence(errno)) {  // the process ended after the open
            return std::nullopt;
        } else if (errno != EINTR) {
            fail(errno, "read", directory, path);
        }
    }
    text.resize(length);
    return text;
}

std::optional<std::string> read_file(const std::string& path, std::size_t limit) {
    return read_file(AT_FDCWD, path.c_str(), limit);
}

std::optional<std::string> read_link(int directory, const char* path) {
    std::array<char, PATH_MAX> target;
    const ssize_t length = ::readlinkat(directory, path, target.data(), target.size());
    if (length >= 0) return std::string(target.data(), static_cast<std::size_t>(length));
    if (is_absence(errno)) return std::nullopt;
    fail(errno, "readlink", directory, path);
}

std::optional<std::string> read_link(const std::string& path) {
    return read_link(AT_FDCWD, path.c_str());
}

namespace {

template <typename Read>
std::string unless_denied(Read&& read) {
    try {
        return read().value_or(std::string());
    } catch (const Error& error) {
        if (error.is_denial()) return {};
        throw;
    }
}

}  // namespace

std::string text_or_empty(int directory, const std::string& path, std::size_t limit) {
    return unless_denied([&] { return read_file(directory, path.c_str(), limit); });
}

std::string link_or_empty(int directory, const std::string& path) {
    return unless_denied([&] { return read_link(directory, path.c_str()); });
}

std::string foreign_text(int root, const char* path, uid_t owner, std::size_t limit) {
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    // Its name alone, which nothing comes of; then the very file that was looked at.
    const Fd name(static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how)));
    struct stat status {};
    if (!name || ::fstat(name.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        (status.st_uid != 0 && status.st_uid != owner)) {
        return {};
    }
    return text_or_empty(AT_FDCWD, "/proc/self/fd/" + std::to_string(name.get()), limit);
}

std::string_view read_proc_file(pid_t pid, const char* name, std::span<char> into) noexcept {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/%s", pid, name);
    const Fd fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
    const ssize_t size = fd ? ::read(fd.get(), into.data(), into.size()) : 0;
    return {into.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

std::string_view read_fd_link(pid_t pid, int fd, std::span<char> into) noexcept {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/fd/%d", pid, fd);
    const ssize_t size = ::readlink(path.data(), into.data(), into.size());
    return {into.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

std::optional<Fd> open_directory(int directory, const char* path) {
    return open_at(directory, path, O_DIRECTORY);
}

}  // namespace unwait::sys
