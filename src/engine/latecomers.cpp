// SPDX-License-Identifier: MIT
#include "latecomers.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "find_holders.hpp"
#include "sentence.hpp"

namespace unwait {
namespace {

bool has_outlived_its_fds(const Step& step, const Attempt& attempt) {
    return attempt.ending == Attempt::Ending::done && !attempt.fd_open &&
           attempt.state != TcpState::closed && attempt.state == step.socket.state;
}

}  // namespace

void look_for_latecomers(std::span<const Step* const> steps, std::span<Attempt* const> attempts,
                         Networks& networks) {
    std::vector<std::size_t> open;
    std::vector<std::uint64_t> inodes;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (!has_outlived_its_fds(*steps[i], *attempts[i])) continue;
        open.push_back(i);
        inodes.push_back(steps[i]->socket.id.inode);
    }
    if (open.empty()) return;
    const auto scan = HolderSearch().find(inodes, false);
    for (const std::size_t i : open) {
        const Socket& socket = steps[i]->socket;
        Attempt& attempt = *attempts[i];
        const auto found = scan.by_inode.find(socket.id.inode);
        if (found != scan.by_inode.end()) {
            attempt.detail = "still open as " + fds_of(found->second) +
                             ", since the holders were looked for: clear it again";
            continue;
        }
        const auto now = networks.get(socket);
        attempt.state = now ? now->state : TcpState::closed;
        if (has_outlived_its_fds(*steps[i], attempt)) {
            attempt.detail =
                "still open, and nobody who holds it can be seen: explain says what may keep it";
        }
    }
}

}  // namespace unwait
