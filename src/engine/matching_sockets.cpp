// SPDX-License-Identifier: MIT
#include "matching_sockets.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "dead_sockets.hpp"
#include "filter.hpp"
#include "select.hpp"

namespace unwait {

namespace {

std::vector<Condition> conditions_of(const Selector& selector, const FilterNames& names) {
    std::vector<Condition> conditions;
    for (const Filter& filter : selector.filters) {
        if (filter.condition) conditions.push_back(looked_up(*filter.condition, names));
    }
    return conditions;
}

}  // namespace

std::vector<Socket> matching_sockets(Network& network, const Selector& selector,
                                     std::vector<BlindSpot>& blind_spots) {
    const auto conditions = conditions_of(selector, network.names);
    auto dump = network.diag.dump({.states = selector.states,
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
    if ((selector.states & dead_sockets) != 0) {
        std::ranges::move(find_dead_sockets(network.diag, blind_spots),
                          std::back_inserter(dump.sockets));
        std::ranges::sort(dump.sockets, {}, netlink::order);
    }
    std::erase_if(dump.sockets, [&](const Socket& socket) {
        return !matches_socket(selector, socket) ||
               !std::ranges::all_of(conditions, [&socket](const Condition& condition) {
                   return meets(condition, socket);
               });
    });
    return std::move(dump.sockets);
}

std::vector<Socket> known_sockets(Network& network, std::span<const Socket* const> known,
                                  std::vector<BlindSpot>& blind_spots) {
    std::vector<Socket> sockets;
    sockets.reserve(known.size());
    for (auto& found : network.diag.get_each(known)) {
        if (found) sockets.push_back(std::move(*found));
    }
    std::unordered_set<std::uint64_t> dead;
    for (const Socket* socket : known) {
        if (socket->state == TcpState::closed) dead.insert(socket->id.cookie);
    }
    if (!dead.empty()) {
        for (Socket& socket : find_dead_sockets(network.diag, blind_spots)) {
            if (dead.contains(socket.id.cookie)) sockets.push_back(std::move(socket));
        }
    }
    std::ranges::sort(sockets, {}, netlink::order);
    return sockets;
}

}  // namespace unwait
