// SPDX-License-Identifier: MIT
#include "trusted_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fd.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

constexpr mode_t writable_by_others = S_IWGRP | S_IWOTH;

/// Its size; Refused when it is not to be trusted.
std::size_t trusted_size(int fd, const std::string& path) {
    struct stat file {};
    if (::fstat(fd, &file) != 0) throw Error(errno, "fstat of " + path);
    if (!S_ISREG(file.st_mode)) throw Refused(path + " is no regular file");
    const uid_t us = ::geteuid();
    if (file.st_uid != 0 && file.st_uid != us) {
        throw Refused(
            path + " belongs to uid " + std::to_string(file.st_uid) + ", not to root" +
            (us == 0 ? "" : " or to uid " + std::to_string(us)) +
            ": that user could have written anything into it, and may have it open: copy what you "
            "trust to a file of your own");
    }
    if ((file.st_mode & writable_by_others) != 0) {
        throw Refused(path +
                      " can be written by others than its owner: look at what it says, then "
                      "chmod go-w it");
    }
    return static_cast<std::size_t>(file.st_size);
}

}  // namespace

std::string read_trusted_file(const std::string& path, std::size_t limit) {
    // O_NONBLOCK: nobody writes to a FIFO that stands there.
    const sys::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd) throw Error(errno, "open of " + path);
    const std::size_t size = trusted_size(fd.get(), path);
    constexpr std::size_t at_once = 1U << 16;
    std::string text;
    text.reserve(std::min(size, limit) + at_once);
    for (;;) {
        const std::size_t length = text.size();
        if (length > limit) {
            throw Refused(path + " has more than " + std::to_string(limit) + " bytes");
        }
        text.resize(length + at_once);
        const ssize_t got = ::read(fd.get(), text.data() + length, at_once);
        text.resize(length + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got == 0) return text;
        if (got < 0 && errno != EINTR) throw Error(errno, "read of " + path);
    }
}

}  // namespace unwait
