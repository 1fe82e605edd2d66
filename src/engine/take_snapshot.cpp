// SPDX-License-Identifier: MIT
#include "unwait/take_snapshot.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "circumstances.hpp"
#include "filter.hpp"
#include "filter_names.hpp"
#include "find_holders.hpp"
#include "holders.hpp"
#include "machine.hpp"
#include "matching_sockets.hpp"
#include "networks.hpp"
#include "probe.hpp"
#include "select.hpp"

namespace unwait {

namespace {

constexpr std::chrono::milliseconds shortest_look{100};
constexpr std::chrono::milliseconds longest_look{1000};

/// The network namespaces to look into. Throws Error when a filter names what none of them has.
std::vector<Network*> opened(Networks& networks, const Selector& selector,
                             std::vector<BlindSpot>& blind_spots) {
    auto chosen = networks.open(selector.networks, names_in(selector.filters), blind_spots);
    std::vector<FilterNames> names;
    for (const Network* network : chosen) names.push_back(network->names);
    require_names(names);
    return chosen;
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

/// Most often there is one network namespace, and nothing to copy.
void append(std::vector<Socket>& into, std::vector<Socket> more) {
    if (into.empty()) {
        into = std::move(more);
    } else {
        std::ranges::move(more, std::back_inserter(into));
    }
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
void look_again(Networks& networks, const Selector& selector, std::vector<HeldSocket>& sockets) {
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
        const auto now = networks.get(held->socket);
        held->sending =
            now && now->info && now->info->bytes_acked != held->socket.info->bytes_acked;
    }
}

/// One look: at the sockets of some network namespaces, and then at what is around them.
class Look {
public:
    Look() {
        snapshot_.taken_at = std::chrono::system_clock::now();
        Machine machine = read_machine();
        snapshot_.boot_id = std::move(machine.boot_id);
        snapshot_.host = std::move(machine.host);
        snapshot_.netns = machine.netns;
    }

    [[nodiscard]] Networks& networks() { return networks_; }
    [[nodiscard]] std::vector<BlindSpot>& blind_spots() { return snapshot_.blind_spots; }

    void add(Network& network, std::vector<Socket> sockets) {
        snapshot_.networks.push_back(network.space);
        append(listeners_, listeners_for(network.diag, sockets));
        append(sockets_, std::move(sockets));
    }

    [[nodiscard]] Snapshot finish(const Selector& selector, bool with_use) && {
        auto scan = holders_.find(inodes(), with_use);
        std::ranges::move(scan.blind_spots, std::back_inserter(snapshot_.blind_spots));
        if (!listeners_.empty()) snapshot_.listeners = with_holders(std::move(listeners_), scan);
        snapshot_.sockets = with_holders(std::move(sockets_), std::move(scan));
        add_circumstances(snapshot_, selector, networks_);
        if (with_use) probe_holders(snapshot_.sockets);
        look_again(networks_, selector, snapshot_.sockets);
        return std::move(snapshot_);
    }

private:
    [[nodiscard]] std::vector<std::uint64_t> inodes() const {
        std::vector<std::uint64_t> inodes;
        inodes.reserve(sockets_.size() + listeners_.size());
        for (const auto* list : {&sockets_, &listeners_}) {
            for (const Socket& socket : *list) {
                if (socket.id.inode != 0) inodes.push_back(socket.id.inode);
            }
        }
        return inodes;
    }

    Snapshot snapshot_;
    HolderSearch holders_;
    Networks networks_;
    std::vector<Socket> sockets_;
    std::vector<Socket> listeners_;
};

}  // namespace

Snapshot take_snapshot(const Selector& selector, bool with_use) {
    Look look;
    for (Network* network : opened(look.networks(), selector, look.blind_spots())) {
        look.add(*network, matching_sockets(*network, selector, look.blind_spots()));
    }
    return std::move(look).finish(selector, with_use);
}

Snapshot take_snapshot(std::span<const Socket* const> sockets, bool with_use) {
    std::map<std::uint64_t, std::vector<const Socket*>> known;
    std::set<std::uint64_t> inodes;
    for (const Socket* socket : sockets) {
        known[socket->id.netns].push_back(socket);
        inodes.insert(socket->id.netns);
    }
    Look look;
    for (Network* network : look.networks().open_these(inodes, look.blind_spots())) {
        look.add(*network,
                 known_sockets(*network, known.at(network->space.inode), look.blind_spots()));
    }
    return std::move(look).finish(any_socket(), with_use);
}

}  // namespace unwait
