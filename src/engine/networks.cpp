// SPDX-License-Identifier: MIT
#include "networks.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "fd_limit.hpp"
#include "file_identity.hpp"
#include "filter_names.hpp"
#include "network.hpp"
#include "proc_mount.hpp"
#include "text.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

BlindSpot not_entered(const proc::NetworkPaths& network, const std::string& why) {
    std::string text = "network namespace ";
    text += network.name.empty() ? std::to_string(network.inode) : network.name;
    if (network.pid != 0) text += " of pid " + std::to_string(network.pid);
    return {std::string(blind_spot::netns_unreadable), network.pid, text + ": " + why};
}

std::string remedy_for(const Error& error) {
    return std::string(error.what()) +
           (error.is_denial() ? ": run as root, or with CAP_SYS_ADMIN in its user namespace" : "");
}

/// Our own first, then by inode.
std::vector<Network*> ordered(std::vector<Network*> networks) {
    std::ranges::sort(networks, {}, [](const Network* network) {
        return std::pair(!network->space.is_own, network->space.inode);
    });
    return networks;
}

[[noreturn]] void fail_named(const std::string& word, const std::string& what) {
    throw Error(ENOENT, "--netns " + word + ": " + what);
}

}  // namespace

Networks::Networks() {
    auto diag = netlink::SockDiag::open();
    NetworkNamespace own{.inode = diag.netns(), .is_own = true};
    networks_.push_back({std::move(own), std::move(diag), {}});
}

Network* Networks::known(std::uint64_t inode) {
    const auto found = std::ranges::find(
        networks_, inode, [](const Network& network) { return network.space.inode; });
    return found == networks_.end() ? nullptr : &*found;
}

Network& Networks::add(NetworkNamespace space, int namespace_fd, const FilterNames& names) {
    std::optional<netlink::SockDiag> diag;
    FilterNames found;
    sys::in_network(namespace_fd, [&] {
        diag = netlink::SockDiag::open();
        found = look_up(names);
    });
    networks_.push_back({std::move(space), std::move(*diag), std::move(found)});
    return networks_.back();
}

Network* Networks::enter(const proc::NetworkPaths& paths, const FilterNames& names) {
    if (Network* network = known(paths.inode)) {
        // What leads to our own says what it is called.
        if (network->space.name.empty()) network->space.name = paths.name;
        return network;
    }
    const auto fd = proc::open_network_namespace(paths);
    if (!fd) return nullptr;
    return &add({.inode = paths.inode, .name = paths.name, .pid = paths.pid}, fd->get(), names);
}

void Networks::enter_found(const std::set<std::uint64_t>* wanted, const FilterNames& names,
                           std::vector<BlindSpot>& blind_spots) {
    sys::raise_fd_limit();  // a netlink socket is kept for each of them
    const auto search = proc::find_network_namespaces(proc::Search::everywhere);
    for (const proc::NetworkPaths& paths : search.found) {
        if (wanted != nullptr && !wanted->contains(paths.inode)) continue;
        try {
            if (enter(paths, names) == nullptr) {
                blind_spots.push_back(not_entered(paths, "it was gone before it could be asked"));
            }
        } catch (const Error& error) {
            blind_spots.push_back(not_entered(paths, remedy_for(error)));
        }
    }
    if (proc::hides_processes()) {
        blind_spots.push_back({std::string(blind_spot::netns_unreadable), 0,
                               "/proc is mounted with hidepid and may hide network namespaces: run "
                               "as root, or with CAP_SYS_PTRACE"});
    }
    if (search.denied > 0) {
        blind_spots.push_back({std::string(blind_spot::netns_unreadable), 0,
                               "the network namespaces of " + std::to_string(search.denied) +
                                   (search.denied == 1 ? " process" : " processes") +
                                   " may not be read: run as root, or with CAP_SYS_PTRACE"});
    }
}

Network* Networks::enter_named(const std::string& word, const FilterNames& names) {
    std::optional<sys::Fd> fd;
    NetworkNamespace space;
    if (word == "self") return &networks_.front();
    if (const auto inode = sys::bracketed_number(word, "net:[")) {
        if (Network* network = find(*inode, names)) return network;
        fail_named(word, "no such network namespace");
    }
    if (const auto pid = parse_number(word)) {
        space.pid = static_cast<pid_t>(*pid);
        fd = proc::open_network_namespace("/proc/" + word + "/ns/net");
        if (!fd) fail_named(word, "no such process");
    } else {
        const bool is_path = word.find('/') != std::string::npos;
        if (!is_path) space.name = word;
        fd = proc::open_named_network_namespace(word);
        if (!fd) {
            fail_named(word, is_path ? "not the file of a network namespace"
                                     : "not the name of a network namespace in /run/netns");
        }
    }
    space.inode = sys::inode_of(fd->get());
    if (Network* network = known(space.inode)) return network;
    try {
        return &add(std::move(space), fd->get(), names);
    } catch (const Error& error) {
        throw Error(error.number(), "--netns " + word + ": entering it needs root, or " +
                                        "CAP_SYS_ADMIN in its user namespace");
    }
}

std::vector<Network*> Networks::open(std::span<const std::string> wanted, const FilterNames& names,
                                     std::vector<BlindSpot>& blind_spots) {
    networks_.front().names = look_up(names);
    std::set<Network*> chosen;
    if (wanted.empty()) chosen.insert(&networks_.front());
    for (const std::string& word : wanted) {
        if (word != "all") {
            chosen.insert(enter_named(word, names));
            continue;
        }
        enter_found(nullptr, names, blind_spots);
        for (Network& network : networks_) chosen.insert(&network);
    }
    return ordered(std::vector(chosen.begin(), chosen.end()));
}

std::vector<Network*> Networks::open_these(const std::set<std::uint64_t>& inodes,
                                           std::vector<BlindSpot>& blind_spots) {
    const auto is_known = [this](std::uint64_t inode) { return known(inode) != nullptr; };
    if (!std::ranges::all_of(inodes, is_known)) enter_found(&inodes, {}, blind_spots);
    std::vector<Network*> opened;
    for (const std::uint64_t inode : inodes) {
        if (Network* network = known(inode)) opened.push_back(network);
    }
    return ordered(std::move(opened));
}

std::vector<Network*> Networks::open_others(const FilterNames& names) {
    std::vector<Network*> others;
    sys::raise_fd_limit();  // a netlink socket is kept for each of them
    for (const auto& paths : proc::find_network_namespaces(proc::Search::processes).found) {
        try {
            Network* network = enter(paths, names);
            if (network != nullptr && !network->space.is_own) others.push_back(network);
        } catch (const Error&) {
            continue;  // without the privilege nobody expects to be told of it
        }
    }
    return others;
}

Network* Networks::find(std::uint64_t inode, const FilterNames& names) {
    if (Network* network = known(inode)) return network;
    if (gone_.contains(inode)) return nullptr;
    const auto search = proc::find_network_namespaces(proc::Search::everywhere);
    const auto found = std::ranges::find(search.found, inode, &proc::NetworkPaths::inode);
    Network* network = found == search.found.end() ? nullptr : enter(*found, names);
    if (network == nullptr) gone_.insert(inode);
    return network;
}

std::optional<Socket> Networks::get(const Socket& socket) {
    const Socket* const one = &socket;
    return std::move(get_each({&one, 1}).front());
}

std::vector<std::optional<Socket>> Networks::get_each(std::span<const Socket* const> sockets) {
    std::map<std::uint64_t, std::vector<std::size_t>> places;
    for (std::size_t i = 0; i < sockets.size(); ++i) places[sockets[i]->id.netns].push_back(i);
    std::vector<std::optional<Socket>> all(sockets.size());
    for (const auto& [netns, indexes] : places) {
        Network* network = find(netns);
        if (network == nullptr) continue;
        std::vector<const Socket*> asked;
        asked.reserve(indexes.size());
        for (const std::size_t index : indexes) asked.push_back(sockets[index]);
        auto found = network->diag.get_each(asked);
        for (std::size_t i = 0; i < found.size(); ++i) all[indexes[i]] = std::move(found[i]);
    }
    return all;
}

netlink::Destroyed Networks::destroy(const Socket& socket) {
    Network* network = find(socket.id.netns);
    return network == nullptr ? netlink::Destroyed::gone : network->diag.destroy(socket);
}

std::vector<std::uint64_t> Networks::unix_sockets_with_data() {
    std::vector<std::uint64_t> inodes;
    for (Network& network : networks_) {
        std::ranges::move(network.diag.unix_sockets_with_data(), std::back_inserter(inodes));
    }
    return inodes;
}

}  // namespace unwait
