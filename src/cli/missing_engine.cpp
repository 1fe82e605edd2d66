// SPDX-License-Identifier: MIT
// Linked after the engine: stands in for what the engine does not define yet.
#include <cerrno>

#include "execute.hpp"
#include "take_snapshot.hpp"
#include "unwait/error.hpp"

namespace unwait {

Snapshot take_snapshot(const Selector&, bool) { throw Error(ENOSYS, "look at sockets"); }
Self read_self() { throw Error(ENOSYS, "look at ourselves"); }
std::vector<Outcome> execute(const Plan&, StepRunner&, StopSign&, Observer&) {
    throw Error(ENOSYS, "carry out a plan");
}
std::unique_ptr<StepRunner> make_linux_runner(const Policy&, StopSign&) {
    throw Error(ENOSYS, "act");
}
std::unique_ptr<StepRunner> make_dry_runner() { throw Error(ENOSYS, "preview"); }

}  // namespace unwait
