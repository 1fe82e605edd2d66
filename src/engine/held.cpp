// SPDX-License-Identifier: MIT
#include "held.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "fd_links.hpp"

namespace unwait {

bool is_held(const Step& step) {
    const Step* const one = &step;
    return are_held({&one, 1}).front();
}

std::vector<bool> are_held(std::span<const Step* const> steps) {
    std::map<std::pair<pid_t, pid_t>, proc::FdLinks> tables;
    const auto is_open = [&tables](const Holder& holder, const HeldFd& held, std::uint64_t inode) {
        const pid_t pid = holder.process->id.pid;
        const auto [table, is_new] = tables.try_emplace({pid, held.tid}, pid, held.tid);
        // What may not be read is not known to be closed.
        return table->second.leads_to(held.fd, inode).value_or(true);
    };
    std::vector<bool> held;
    held.reserve(steps.size());
    for (const Step* step : steps) {
        held.push_back(std::ranges::any_of(step->holders, [&](const Holder& holder) {
            return std::ranges::any_of(holder.fds, [&](const HeldFd& fd) {
                return is_open(holder, fd, step->socket.id.inode);
            });
        }));
    }
    return held;
}

}  // namespace unwait
