// SPDX-License-Identifier: MIT
#include "circumstances.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "file_identity.hpp"
#include "in_flight.hpp"
#include "keepers.hpp"
#include "namespaces.hpp"
#include "select.hpp"
#include "thread_activity.hpp"

namespace unwait {

namespace {

constexpr std::size_t most_acceptors = 8;
constexpr std::size_t most_threads = 64;

std::uint64_t uptime_ticks() {
    constexpr std::uint64_t ns_per_s = 1'000'000'000;
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return static_cast<std::uint64_t>(now.tv_sec) * per_second +
           static_cast<std::uint64_t>(now.tv_nsec) * per_second / ns_per_s;
}

/// Of those that were not asked for nobody wants to know what keeps them.
bool is_unowned(const HeldSocket& held, const Selector& selector) {
    return held.socket.id.inode != 0 && held.holders.empty() && matches(selector, held);
}

/// A socket that was just closed, or passed on, while its holders were looked for is not unowned.
void forget_gone(Snapshot& snapshot, const Selector& selector, Networks& networks) {
    std::erase_if(snapshot.sockets, [&](const HeldSocket& held) {
        if (!is_unowned(held, selector)) return false;
        const auto now = networks.get(held.socket);
        return !now || now->id.inode != held.socket.id.inode || now->state != held.socket.state;
    });
}

void find_keepers(Snapshot& snapshot, const Selector& selector, Networks& networks) {
    std::vector<std::uint64_t> inodes;
    for (const HeldSocket& held : snapshot.sockets) {
        if (is_unowned(held, selector)) inodes.push_back(held.socket.id.inode);
    }
    if (inodes.empty()) return;
    auto keepers = proc::find_keepers(inodes, networks.unix_sockets_with_data());
    snapshot.keepers = look_into_queues(std::move(keepers), inodes);
    if (sys::in_first_namespace(sys::NamespaceKind::pid)) return;
    snapshot.blind_spots.push_back(
        {std::string(blind_spot::process_unreadable), 0,
         "processes outside the PID namespace of unwait cannot be seen: run it on the host"});
}

void find_acceptors(Snapshot& snapshot) {
    std::set<pid_t> pids;
    for (const HeldSocket& listener : snapshot.listeners) {
        for (const Holder& holder : listener.holders) pids.insert(holder.process->id.pid);
    }
    for (const pid_t pid : pids) {
        if (snapshot.acceptors.size() >= most_acceptors * most_threads) return;
        std::ranges::move(proc::read_activities(pid, most_threads),
                          std::back_inserter(snapshot.acceptors));
    }
}

/// Asks kcmp(2) once for each pair of processes.
class TableComparer {
public:
    bool same(pid_t one, pid_t other) {
        const auto [entry, is_new] = known_.try_emplace({one, other});
        if (is_new) entry->second = sys::same_fd_table(one, other) == sys::Same::yes;
        return entry->second;
    }

private:
    std::map<std::pair<pid_t, pid_t>, bool> known_;
};

void compare_tables(Snapshot& snapshot) {
    TableComparer comparer;
    for (HeldSocket& held : snapshot.sockets) {
        for (std::size_t at = 1; at < held.holders.size(); ++at) {
            Holder& holder = held.holders[at];
            for (std::size_t earlier = 0; earlier < at && holder.table_of == 0; ++earlier) {
                const pid_t tid = held.holders[earlier].fds.front().tid;
                if (comparer.same(tid, holder.fds.front().tid)) {
                    holder.table_of = held.holders[earlier].process->id.pid;
                }
            }
        }
    }
}

}  // namespace

void add_circumstances(Snapshot& snapshot, const Selector& selector, Networks& networks) {
    snapshot.uptime_ticks = uptime_ticks();
    forget_gone(snapshot, selector, networks);
    find_keepers(snapshot, selector, networks);
    find_acceptors(snapshot);
    compare_tables(snapshot);
}

}  // namespace unwait
