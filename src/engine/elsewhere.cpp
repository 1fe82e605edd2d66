// SPDX-License-Identifier: MIT
#include "elsewhere.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "filter.hpp"
#include "find_holders.hpp"
#include "matching_sockets.hpp"
#include "networks.hpp"
#include "select.hpp"

namespace unwait {

namespace {

/// Those that match once their holders are known.
void keep_held(std::vector<std::vector<Socket>>& sockets, const Selector& selector) {
    std::vector<std::uint64_t> inodes;
    for (const auto& list : sockets) {
        for (const Socket& socket : list) {
            if (socket.id.inode != 0) inodes.push_back(socket.id.inode);
        }
    }
    const auto scan = inodes.empty() ? proc::HolderScan() : HolderSearch().find(inodes, false);
    for (auto& list : sockets) {
        std::erase_if(list, [&](const Socket& socket) {
            const auto found = scan.by_inode.find(socket.id.inode);
            HeldSocket held{.socket = socket, .holders = {}};
            if (found != scan.by_inode.end()) held.holders = found->second;
            return !matches(selector, held);
        });
    }
}

}  // namespace

std::vector<Elsewhere> matches_elsewhere(const Selector& selector) {
    Networks networks;
    const auto others = networks.open_others(names_in(selector.filters));
    std::vector<std::vector<Socket>> sockets;
    std::vector<BlindSpot> unsaid;
    for (Network* network : others) {
        sockets.push_back(matching_sockets(*network, selector, unsaid));
    }
    if (needs_holder(selector)) keep_held(sockets, selector);
    std::vector<Elsewhere> elsewhere;
    for (std::size_t at = 0; at < others.size(); ++at) {
        if (!sockets[at].empty()) elsewhere.push_back({others[at]->space, sockets[at].size()});
    }
    std::ranges::stable_sort(elsewhere, std::greater{}, &Elsewhere::count);
    return elsewhere;
}

}  // namespace unwait
