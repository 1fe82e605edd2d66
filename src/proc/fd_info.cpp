// SPDX-License-Identifier: MIT
#include "fd_info.hpp"

#include <fcntl.h>

#include "fd_table.hpp"
#include "text_scan.hpp"

namespace unwait::proc {
namespace {

/// "tfd:        3 events: 1f data: 3  pos:0 ino:2f55 sdev:9", the data being the application's.
std::optional<EpollMember> parse_member(std::string_view line) {
    if (sys::take_word(line) != "tfd:") return std::nullopt;
    const auto fd = sys::to_number<int>(sys::take_word(line));
    if (!fd) return std::nullopt;
    EpollMember member{*fd, std::nullopt};
    for (auto word = sys::take_word(line); !word.empty(); word = sys::take_word(line)) {
        if (sys::take_until(word, ':') == "ino")
            member.inode = sys::to_number<std::uint64_t>(word, 16);
    }
    return member;
}

}  // namespace

std::optional<bool> parse_close_on_exec(std::string_view text) {
    while (!text.empty()) {
        std::string_view line = sys::take_until(text, '\n');
        if (sys::take_word(line) != "flags:") continue;
        const auto flags = sys::to_number<unsigned>(sys::take_word(line), 8);
        if (!flags) return std::nullopt;
        return (*flags & static_cast<unsigned>(O_CLOEXEC)) != 0;
    }
    return std::nullopt;
}

std::uint64_t parse_fds_in_flight(std::string_view text) {
    while (!text.empty()) {
        std::string_view line = sys::take_until(text, '\n');
        if (sys::take_word(line) != "scm_fds:") continue;
        return sys::to_number<std::uint64_t>(sys::take_word(line)).value_or(0);
    }
    return 0;
}

std::vector<EpollMember> parse_epoll_fdinfo(std::string_view text) {
    std::vector<EpollMember> members;
    while (!text.empty()) {
        if (const auto member = parse_member(sys::take_until(text, '\n')))
            members.push_back(*member);
    }
    return members;
}

RegisteredSockets parse_io_uring_fdinfo(std::string_view text) {
    RegisteredSockets sockets;
    bool in_files = false;
    while (!text.empty()) {
        std::string_view line = sys::take_until(text, '\n');
        const std::string_view first = sys::take_word(line);
        if (first == "UserFiles:") {
            in_files = true;
        } else if (in_files) {
            // The list ends with the next headline, whose first word is no number.
            if (!first.ends_with(':') ||
                !sys::to_number<unsigned>(first.substr(0, first.size() - 1))) {
                break;
            }
            const std::string_view name = sys::take_word(line);
            if (const auto inode = parse_socket_link(name)) sockets.inodes.push_back(*inode);
            if (name == "TCP" || name == "TCPv6") ++sockets.unnamed;
        }
    }
    return sockets;
}

}  // namespace unwait::proc
