// SPDX-License-Identifier: MIT
#include "operator.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <limits>

#include "file.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

/// /proc/self/loginuid; the largest number means that nobody logged in (a service).
std::optional<uid_t> login_uid() {
    try {
        const auto text = sys::read_file("/proc/self/loginuid");
        uid_t uid = 0;
        if (!text ||
            std::from_chars(text->data(), text->data() + text->size(), uid).ec != std::errc{}) {
            return std::nullopt;
        }
        if (uid == std::numeric_limits<uid_t>::max()) return std::nullopt;
        return uid;
    } catch (const Error&) {  // a kernel without audit support
        return std::nullopt;
    }
}

std::string terminal() {
    std::array<char, 256> name{};
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::ttyname_r(fd, name.data(), name.size()) == 0) return name.data();
    }
    return {};
}

}  // namespace

Operator read_operator() {
    const char* const sudo_user = std::getenv("SUDO_USER");
    return {::getuid(), ::geteuid(), login_uid(), sudo_user == nullptr ? "" : sudo_user,
            terminal()};
}

std::string new_run_id() {
    const char* const path = "/proc/sys/kernel/random/uuid";
    auto text = sys::read_file(path);
    if (!text || text->size() < 36) throw Error(ENODATA, std::string("read of ") + path);
    return text->substr(0, 36);
}

}  // namespace unwait
