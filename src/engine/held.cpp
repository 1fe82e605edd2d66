// SPDX-License-Identifier: MIT
#include "held.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "fd_links.hpp"

namespace unwait {

namespace {

/// The fd tables of the holders, each opened once.
class Tables {
public:
    [[nodiscard]] bool hold(const Step& step) {
        return std::ranges::any_of(step.holders, [&](const Holder& holder) {
            return std::ranges::any_of(holder.fds, [&](const HeldFd& held) {
                const pid_t pid = holder.process->id.pid;
                const auto table = tables_.try_emplace({pid, held.tid}, pid, held.tid).first;
                // What may not be read is not known to be closed.
                return table->second.leads_to(held.fd, step.socket.id.inode).value_or(true);
            });
        });
    }

private:
    std::map<std::pair<pid_t, pid_t>, proc::FdLinks> tables_;
};

}  // namespace

bool is_held(const Step& step) { return Tables().hold(step); }

std::vector<bool> are_held(std::span<const Step* const> steps) {
    Tables tables;
    std::vector<bool> held;
    held.reserve(steps.size());
    for (const Step* step : steps) held.push_back(tables.hold(*step));
    return held;
}

std::size_t first_held(std::span<const Step* const> steps) {
    Tables tables;
    const auto first =
        std::ranges::find_if(steps, [&tables](const Step* step) { return tables.hold(*step); });
    return static_cast<std::size_t>(first - steps.begin());
}

}  // namespace unwait
