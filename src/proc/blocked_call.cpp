// SPDX-License-Identifier: MIT
#include "blocked_call.hpp"

#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <span>

#include "memory.hpp"
#include "text_scan.hpp"

namespace unwait::proc {
namespace {

/// Calls that may wait for the fd in their first argument.
constexpr auto first_argument = std::to_array<long>({
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_preadv2,
    SYS_pwritev2,
    SYS_recvfrom,
    SYS_sendto,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_recvmmsg,
    SYS_sendmmsg,
    SYS_accept,
    SYS_accept4,
    SYS_connect,
    SYS_splice,
    SYS_sendfile,
});

constexpr auto poll_calls = std::to_array<long>({
    SYS_ppoll,
    SYS_restart_syscall,  // perhaps a poll that a signal or a tracer has interrupted
#ifdef SYS_poll
    SYS_poll,
#endif
});

constexpr auto select_calls = std::to_array<long>({
    SYS_pselect6,
#ifdef SYS_select
    SYS_select,
#endif
});

constexpr std::uint64_t most_fds = std::uint64_t{1} << 20;  // fs.nr_open's default

/// Whether it may be read; what an address leads to that is not there stays as it is.
template <typename Element>
bool read_list(pid_t tid, std::uint64_t address, std::vector<Element>& into) {
    return sys::read_memory(tid, address, std::as_writable_bytes(std::span(into))).has_value();
}

/// Whether memory looks like a list for poll(2): a restarted call may be a futex(2) or a sleep too,
/// with the same arguments but another meaning.
bool is_poll_list(std::span<const pollfd> entries) {
    constexpr int known = POLLIN | POLLPRI | POLLOUT | POLLERR | POLLHUP | POLLNVAL | POLLRDNORM |
                          POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLMSG | POLLREMOVE | POLLRDHUP;
    return std::ranges::all_of(entries, [](const pollfd& entry) {
        return entry.fd < 0 || (entry.events != 0 && (entry.events & ~known) == 0);
    });
}

std::optional<std::vector<int>> fds_polled(pid_t tid, const BlockedCall& call) {
    const std::uint64_t count = call.arguments[1];
    std::vector<int> fds;
    if (count > most_fds) return fds;  // not a poll: another call that is being restarted
    std::vector<pollfd> entries(count, pollfd{-1, 0, 0});
    if (!read_list(tid, call.arguments[0], entries)) {
        return std::nullopt;
    }
    if (call.number == SYS_restart_syscall && !is_poll_list(entries)) return fds;
    for (const pollfd& entry : entries) {
        if (entry.fd >= 0) fds.push_back(entry.fd);
    }
    return fds;
}

std::optional<std::vector<int>> fds_selected(pid_t tid, const BlockedCall& call) {
    constexpr std::size_t bits = 64;
    const std::uint64_t count = std::min(call.arguments[0], most_fds);
    std::vector<int> fds;
    for (std::size_t set = 1; set <= 3; ++set) {
        if (call.arguments[set] == 0) continue;
        std::vector<std::uint64_t> words((count + bits - 1) / bits);
        if (!read_list(tid, call.arguments[set], words)) {
            return std::nullopt;
        }
        for (std::size_t fd = 0; fd < count; ++fd) {
            if ((words[fd / bits] >> fd % bits & 1U) != 0) fds.push_back(static_cast<int>(fd));
        }
    }
    return fds;
}

}  // namespace

std::optional<BlockedCall> parse_syscall(std::string_view text) {
    BlockedCall call;
    const auto number =
        sys::to_number<long>(sys::take_word(text));  // "-1" is no call and no number here
    if (!number) return std::nullopt;
    call.number = *number;
    for (std::uint64_t& argument : call.arguments) {
        std::string_view word = sys::take_word(text);
        if (!word.starts_with("0x")) return std::nullopt;
        word.remove_prefix(2);
        const auto value = sys::to_number<std::uint64_t>(word, 16);
        if (!value) return std::nullopt;
        argument = *value;
    }
    return call;
}

Keeper::Waits waits_of(const BlockedCall& call) {
    switch (call.number) {
        case SYS_read:
        case SYS_readv:
        case SYS_preadv2:
        case SYS_recvfrom:
        case SYS_recvmsg:
        case SYS_recvmmsg:
            return Keeper::Waits::to_read;
        case SYS_write:
        case SYS_writev:
        case SYS_pwritev2:
        case SYS_sendto:
        case SYS_sendmsg:
        case SYS_sendmmsg:
        case SYS_sendfile:
            return Keeper::Waits::to_write;
        default:
            return Keeper::Waits::any;
    }
}

std::optional<std::vector<int>> fds_awaited(pid_t tid, const BlockedCall& call) {
    if (std::ranges::find(poll_calls, call.number) != poll_calls.end()) {
        return fds_polled(tid, call);
    }
    if (std::ranges::find(select_calls, call.number) != select_calls.end()) {
        return fds_selected(tid, call);
    }
    std::vector<int> fds;
    if (std::ranges::find(first_argument, call.number) != first_argument.end()) {
        fds.push_back(static_cast<int>(call.arguments[0]));
    }
    if (call.number == SYS_splice) fds.push_back(static_cast<int>(call.arguments[2]));
    return fds;
}

}  // namespace unwait::proc
