// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "filter.hpp"
#include "network_namespaces.hpp"
#include "sock_diag.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// One network namespace that is asked for sockets. Its netlink socket keeps it alive.
struct Network {
    NetworkNamespace space;
    netlink::SockDiag diag;
    FilterNames names;  ///< what those of filters stand for in it
};

/// The network namespaces of one run, each entered once, in a thread of its own.
class Networks {
public:
    /// Throws Error when our own cannot be asked.
    Networks();

    /// Those of Selector::networks, our own first, then by inode. One of "all" that may not be
    /// entered, or that is gone, is a blind spot; one that was named is an Error.
    [[nodiscard]] std::vector<Network*> open(std::span<const std::string> wanted,
                                             const FilterNames& names,
                                             std::vector<BlindSpot>& blind_spots);

    /// The same of those with these inodes. One that has gone is passed over, and one that may not
    /// be entered is a blind spot.
    [[nodiscard]] std::vector<Network*> open_these(const std::set<std::uint64_t>& inodes,
                                                   std::vector<BlindSpot>& blind_spots);

    /// All that can be entered except our own, without a word about others. Quicker than "all", as
    /// only the namespaces of processes and mounts are looked for.
    [[nodiscard]] std::vector<Network*> open_others(const FilterNames& names);

    /// The one with this inode; null when it has gone. Throws Error when it may not be entered.
    [[nodiscard]] Network* find(std::uint64_t inode, const FilterNames& names = {});

    /// The socket as it is now, asked for in its own namespace; absent when that has gone too.
    /// Throws Error when it may not be entered.
    [[nodiscard]] std::optional<Socket> get(const Socket& socket);
    /// The same of many at once, in their order.
    [[nodiscard]] std::vector<std::optional<Socket>> get_each(
        std::span<const Socket* const> sockets);
    [[nodiscard]] netlink::Destroyed destroy(const Socket& socket);

    /// Of all the namespaces that were entered.
    [[nodiscard]] std::vector<std::uint64_t> unix_sockets_with_data();

private:
    Network* known(std::uint64_t inode);
    Network& add(NetworkNamespace space, int namespace_fd, const FilterNames& names);
    Network* enter(const proc::NetworkPaths& paths, const FilterNames& names);
    Network* enter_named(const std::string& word, const FilterNames& names);
    /// Those that are found, or of these only the wanted ones.
    void enter_found(const std::set<std::uint64_t>* wanted, const FilterNames& names,
                     std::vector<BlindSpot>& blind_spots);

    std::list<Network> networks_;  ///< our own first
    std::set<std::uint64_t> gone_;
};

}  // namespace unwait
