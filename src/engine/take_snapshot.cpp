// SPDX-License-Identifier: MIT
#include "take_snapshot.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "circumstances.hpp"
#include "filter.hpp"
#include "filter_names.hpp"
#include "find_holders.hpp"
#include "holders.hpp"
#include "machine.hpp"
#include "probe.hpp"
#include "select.hpp"
#include "sock_diag.hpp"

namespace unwait {

namespace {

constexpr std::chrono::milliseconds shortest_look{100};
constexpr std::chrono::milliseconds longest_look{1000};

/// The conditions of all filters, their names looked up in our network namespace.
std::vector<Condition> conditions_of(const Selector& selector) {
    const FilterNames names = look_up(names_in(selector.filters));
    require_devices({&names, 1});
    std::vector<Condition> conditions;
    for (const Filter& filter : selector.filters) {
        if (filter.condition) conditions.push_back(looked_up(*filter.condition, names));
    }
    return conditions;
}

std::vector<Socket> matching_sockets(netlink::SockDiag& diag, const Selector& selector,
                                     std::vector<BlindSpot>& blind_spots) {
    const auto conditions = conditions_of(selector);
    auto dump = diag.dump({.states = selector.states,
                           .ports = selector.ports,
                           .peer_ports = selector.peer_ports,
                           .locals = selector.locals,
                           .peers = selector.peers,
                           .conditions = conditions});
    if (dump.interrupted) {
        blind_spots.push_back(
            {"dump-interrupted", 0,
             "the kernel's list of sockets changed each time it was read, so some "
             "may be missing: select fewer, or run again"});
    }
    std::erase_if(dump.sockets, [&](const Socket& socket) {
        return !matches_socket(selector, socket) ||
               !std::ranges::all_of(conditions, [&socket](const Condition& condition) {
                   return meets(condition, socket);
               });
    });
    return std::move(dump.sockets);
}

/// Who should accept the sockets that have no file yet.
std::vector<Socket> listeners_for(netlink::SockDiag& diag, const std::vector<Socket>& sockets) {
    AnyOf<PortRange> ports;
    for (const Socket& socket : sockets) {
        const PortRange port{socket.local.port, socket.local.port};
        if (socket.id.inode == 0 && std::ranges::find(ports, port) == ports.end()) {
            ports.push_back(port);
        }
    }
    if (ports.empty()) return {};
    return diag.dump({.states = mask_of(TcpState::listening), .ports = {std::move(ports)}}).sockets;
}

std::vector<HeldSocket> with_holders(std::vector<Socket> sockets, proc::HolderScan scan) {
    std::vector<HeldSocket> held;
    held.reserve(sockets.size());
    for (Socket& socket : sockets) {
        const auto found = scan.by_inode.find(socket.id.inode);
        auto holders =
            found == scan.by_inode.end() ? std::vector<Holder>{} : std::move(found->second);
        held.push_back({std::move(socket), std::move(holders), false});
    }
    return held;
}

/// Long enough for an acknowledgement to come back.
std::chrono::milliseconds time_between_looks(const std::vector<HeldSocket*>& sockets) {
    std::chrono::microseconds longest{0};
    for (const HeldSocket* held : sockets) {
        longest = std::max(longest, std::chrono::microseconds{3 * held->socket.info->rtt_us});
    }
    return std::clamp(std::chrono::ceil<std::chrono::milliseconds>(longest), shortest_look,
                      longest_look);
}

/// Whether data still to be sent are moving; of sockets that were not asked for nobody wants to
/// know, nor to wait for it.
void look_again(netlink::SockDiag& diag, const Selector& selector,
                std::vector<HeldSocket>& sockets) {
    std::vector<HeldSocket*> candidates;
    for (HeldSocket& held : sockets) {
        if (held.socket.send_queue > 0 && held.socket.info &&
            held.socket.state != TcpState::listening && matches(selector, held)) {
            candidates.push_back(&held);
        }
    }
    if (candidates.empty()) return;
    ::poll(nullptr, 0, static_cast<int>(time_between_looks(candidates).count()));
    for (HeldSocket* held : candidates) {
        const auto now = diag.get(held->socket);
        held->sending =
            now && now->info && now->info->bytes_acked != held->socket.info->bytes_acked;
    }
}

}  // namespace

Snapshot take_snapshot(const Selector& selector, bool with_use) {
    Snapshot snapshot;
    snapshot.taken_at = std::chrono::system_clock::now();
    Machine machine = read_machine();
    snapshot.boot_id = std::move(machine.boot_id);
    snapshot.host = std::move(machine.host);

    auto diag = netlink::SockDiag::open();
    snapshot.netns = diag.netns();
    auto sockets = matching_sockets(diag, selector, snapshot.blind_spots);
    auto listeners = listeners_for(diag, sockets);

    std::vector<std::uint64_t> inodes;
    inodes.reserve(sockets.size() + listeners.size());
    for (const auto* list : {&sockets, &listeners}) {
        for (const Socket& socket : *list) {
            if (socket.id.inode != 0) inodes.push_back(socket.id.inode);
        }
    }
    auto scan = find_holders(inodes, with_use);
    std::ranges::move(scan.blind_spots, std::back_inserter(snapshot.blind_spots));
    if (!listeners.empty()) snapshot.listeners = with_holders(std::move(listeners), scan);
    snapshot.sockets = with_holders(std::move(sockets), std::move(scan));
    add_circumstances(snapshot, selector, diag);
    if (with_use) probe_holders(snapshot.sockets);
    look_again(diag, selector, snapshot.sockets);
    return snapshot;
}

}  // namespace unwait
