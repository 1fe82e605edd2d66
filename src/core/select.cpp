// SPDX-License-Identifier: MIT
#include "select.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace unwait {
namespace {

/// Whether each flag has a word that fits; without a flag anything does.
template <typename T, typename Fits>
bool all_met(const std::vector<AnyOf<T>>& flags, Fits fits) {
    return std::ranges::all_of(
        flags, [&fits](const AnyOf<T>& words) { return std::ranges::any_of(words, fits); });
}

/// Whether the first `length` bits agree.
bool same_prefix(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right,
                 unsigned length) {
    const std::size_t whole = length / 8;
    if (!std::ranges::equal(left.first(whole), right.first(whole))) {
        return false;
    }
    const unsigned shift = 8 - length % 8;
    return shift == 8 || (left[whole] >> shift) == (right[whole] >> shift);
}

bool address_fits(const EndpointPattern& pattern, const Address& address) {
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    const std::span<const std::uint8_t> wanted{pattern.address->bytes};
    const std::span<const std::uint8_t> actual{address.bytes};
    if (pattern.address->family == address.family) {
        return same_prefix(wanted, actual, pattern.prefix_length);
    }
    return pattern.address->family == Family::inet &&
           std::ranges::equal(actual.first(mapped.size()), mapped) &&
           same_prefix(wanted, actual.subspan(mapped.size()), pattern.prefix_length);
}

std::string_view without_outer_slashes(std::string_view path) {
    while (path.starts_with('/')) {
        path.remove_prefix(1);
    }
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    return path;
}

/// Whether `path` is the cgroup `ancestor` or below it.
bool cgroup_fits(std::string_view ancestor, std::string_view path) {
    if (path.empty()) {
        return false;
    }
    ancestor = without_outer_slashes(ancestor);
    path = without_outer_slashes(path);
    if (ancestor.empty()) {
        return true;
    }
    return path.starts_with(ancestor) &&
           (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

bool holder_fits(const Selector& selector, const Holder& holder) {
    const Process& process = *holder.process;
    const auto is_pid = [&](pid_t pid) { return pid == process.id.pid; };
    const auto has_number = [&](const HeldFd& held) {
        return all_met(selector.fds, [&held](int fd) { return fd == held.fd; });
    };
    const auto is_named = [&](const Pattern& pattern) {
        return std::regex_search(process.command, pattern.regex);
    };
    const auto is_user = [&](const std::string& user) {
        return user == process.user || user == std::to_string(process.uid);
    };
    const auto is_unit = [&](const std::string& unit) {
        return unwait::is_unit(unit, process.unit);
    };
    const auto is_cgroup = [&](const std::string& path) {
        return cgroup_fits(path, process.cgroup);
    };
    return all_met(selector.pids, is_pid) &&
           (selector.fds.empty() || std::ranges::any_of(holder.fds, has_number)) &&
           std::ranges::all_of(selector.processes, is_named) && all_met(selector.users, is_user) &&
           all_met(selector.units, is_unit) && all_met(selector.cgroups, is_cgroup);
}

bool names_a_holder(const Selector& selector) {
    return !selector.pids.empty() || !selector.fds.empty() || !selector.processes.empty() ||
           !selector.users.empty() || !selector.units.empty() || !selector.cgroups.empty();
}

bool idle_fits(const Selector& selector, const Socket& socket) {
    if (selector.min_idle.count() <= 0) {
        return true;
    }
    const auto idle = idle_ms(socket);
    return idle && *idle >= static_cast<std::uint64_t>(selector.min_idle.count());
}

}  // namespace

Selector any_socket() {
    Selector any;
    any.states = ~StateMask{0};
    return any;
}

bool is_unit(std::string_view wanted, std::string_view unit) {
    constexpr std::string_view suffix = ".service";
    return unit == wanted || (unit.size() == wanted.size() + suffix.size() &&
                              unit.starts_with(wanted) && unit.ends_with(suffix));
}

bool matches_endpoint(const EndpointPattern& pattern, const Endpoint& endpoint) {
    return (!pattern.port || *pattern.port == endpoint.port) &&
           (!pattern.address || address_fits(pattern, endpoint.address));
}

bool matches_socket(const Selector& selector, const Socket& socket) {
    const auto is_local = [&](const EndpointPattern& pattern) {
        return matches_endpoint(pattern, socket.local);
    };
    const auto is_peer = [&](const EndpointPattern& pattern) {
        return matches_endpoint(pattern, socket.peer);
    };
    const auto has_port = [&](const PortRange& range) {
        return socket.local.port >= range.first && socket.local.port <= range.last;
    };
    const auto has_peer_port = [&](const PortRange& range) {
        return socket.peer.port >= range.first && socket.peer.port <= range.last;
    };
    const auto has_inode = [&](std::uint64_t inode) { return inode == socket.id.inode; };
    // What is closed is only ever seen when it is dead.
    const StateMask states =
        mask_of(socket.state) | (socket.state == TcpState::closed ? dead_sockets : 0);
    return (selector.states & states) != 0 && all_met(selector.inodes, has_inode) &&
           all_met(selector.locals, is_local) && all_met(selector.peers, is_peer) &&
           all_met(selector.ports, has_port) && all_met(selector.peer_ports, has_peer_port) &&
           idle_fits(selector, socket);
}

bool matches(const Selector& selector, const Socket& socket, std::span<const Holder> holders) {
    if (!matches_socket(selector, socket)) {
        return false;
    }
    if (selector.owned && *selector.owned == holders.empty()) {
        return false;
    }
    return !names_a_holder(selector) || std::ranges::any_of(holders, [&](const Holder& holder) {
        return holder_fits(selector, holder);
    });
}

bool needs_holder(const Selector& selector) {
    return selector.owned.has_value() || names_a_holder(selector);
}

bool selects_everything(const Selector& selector) {
    return !needs_holder(selector) && selector.locals.empty() && selector.peers.empty() &&
           selector.ports.empty() && selector.peer_ports.empty() && selector.inodes.empty() &&
           std::ranges::none_of(selector.filters,
                                [](const Filter& filter) { return filter.condition.has_value(); });
}

}  // namespace unwait
