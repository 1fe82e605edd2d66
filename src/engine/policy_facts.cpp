// SPDX-License-Identifier: MIT
#include "policy_facts.hpp"

#include <ctime>
#include <set>
#include <string>
#include <vector>

#include "file_identity.hpp"
#include "filter.hpp"
#include "network_namespaces.hpp"
#include "networks.hpp"
#include "run_marks.hpp"
#include "socket_count.hpp"
#include "unwait/error.hpp"
#include "vocabulary.hpp"

namespace unwait {

namespace {

/// Local time, since that is what a maintenance window is agreed in.
unsigned minute_of_week() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    const auto day_from_monday = static_cast<unsigned>(local.tm_wday + 6) % 7;
    return (day_from_monday * 24 + static_cast<unsigned>(local.tm_hour)) * 60 +
           static_cast<unsigned>(local.tm_min);
}

/// A namespace that is not there now has no sockets, so that a rule about it rightly matches none.
void add_networks(const Rulebook& book, PolicyFacts& facts) {
    for (const Rule& rule : book.rules) {
        for (const std::string& word : rule.match.networks) {
            const auto fd =
                proc::open_named_network_namespace(word == "self" ? "/proc/self/ns/net" : word);
            if (fd) facts.networks[word] = sys::inode_of(fd->get());
        }
    }
}

/// No answer of the kernel tells it, only a list of all that are.
void add_autobound(Network& network, const std::vector<const Socket*>& sockets,
                   PolicyFacts& facts) {
    const std::vector<Condition> condition{{AutoboundTest{}}};
    const auto dump =
        network.diag.dump({.states = *states_of_word("all"), .conditions = condition});
    if (dump.interrupted) return;
    std::set<std::uint64_t> bound;
    for (const Socket& socket : dump.sockets) bound.insert(socket.id.cookie);
    for (const Socket* socket : sockets) {
        if (socket->state == TcpState::closed) continue;
        facts.autobound[socket->id.cookie] = bound.contains(socket->id.cookie);
    }
}

/// What the filters of rules ask for in the network namespaces of the findings.
void add_names(const Rulebook& book, std::span<const Finding> findings, PolicyFacts& facts) {
    std::vector<Filter> filters;
    for (const Rule& rule : book.rules) {
        filters.insert(filters.end(), rule.match.filters.begin(), rule.match.filters.end());
    }
    const FilterNames wanted = names_in(filters);
    if (wanted.empty()) return;
    std::map<std::uint64_t, std::vector<const Socket*>> sockets;
    for (const Finding& finding : findings) {
        sockets[finding.socket.id.netns].push_back(&finding.socket);
    }
    Networks networks;
    std::vector<BlindSpot> blind_spots;
    static_cast<void>(networks.open({}, wanted, blind_spots));  // our own
    for (const auto& [netns, in_it] : sockets) {
        Network* const network = networks.find(netns, wanted);
        if (network == nullptr) continue;
        facts.names[netns] = network->names;
        if (wanted.automatic_ports) add_autobound(*network, in_it, facts);
    }
}

void add_what_rules_ask(const Rulebook& book, std::span<const Finding> findings,
                        PolicyFacts& facts) {
    try {
        add_networks(book, facts);
        add_names(book, findings, facts);
    } catch (const Error& error) {
        throw Refused(book.path + ": whether its rules match cannot be known: " + error.what());
    }
}

}  // namespace

PolicyFacts gather_facts(const Rulebook& book, std::span<const Finding> findings) {
    PolicyFacts facts;
    facts.minute_of_week = minute_of_week();
    add_what_rules_ask(book, findings, facts);
    std::set<ProcessId> processes;
    for (const Finding& finding : findings) {
        for (const Holder& holder : finding.holders) processes.insert(holder.process->id);
    }
    if (book.cool_down) facts.since_last_run = time_since_runs(processes);
    if (!book.max_fraction) return facts;
    for (const ProcessId& id : processes) {
        if (const auto count = proc::count_sockets(id.pid)) facts.sockets[id] = *count;
    }
    return facts;
}

}  // namespace unwait
