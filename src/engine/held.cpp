// SPDX-License-Identifier: MIT
#include "held.hpp"

#include <algorithm>

#include "holders.hpp"

namespace unwait {

bool is_held(const Step& step) {
    return std::ranges::any_of(step.holders, [&](const Holder& holder) {
        return std::ranges::any_of(holder.fds, [&](const HeldFd& held) {
            // What may not be read is not known to be closed.
            return proc::leads_to(holder.process->id.pid, held, step.socket.id.inode)
                .value_or(true);
        });
    });
}

}  // namespace unwait
