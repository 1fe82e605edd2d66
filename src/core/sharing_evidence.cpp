// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include "notes.hpp"
#include "sentence.hpp"
#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {
namespace {

/// Holders that seem to have been forgotten, and what makes them seem so.
struct Suspicion {
    std::vector<Holder> holders;
    std::string why;
};

bool is_used(const Holder& holder) {
    return std::ranges::any_of(holder.fds, [](const HeldFd& held) {
        return held.use.in_epoll || held.use.in_io_uring || held.use.thread_blocked;
    });
}

const Holder* parent_among(const std::vector<Holder>& holders, const Holder& child) {
    const auto found = std::ranges::find_if(holders, [&child](const Holder& holder) {
        return holder.process->id.pid == child.process->parent;
    });
    return found == holders.end() ? nullptr : &*found;
}

template <typename Test>
std::vector<Holder> those(const std::vector<Holder>& holders, Test test) {
    std::vector<Holder> chosen;
    std::ranges::copy_if(holders, std::back_inserter(chosen), test);
    return chosen;
}

Suspicion unused(const std::vector<Holder>& holders) {
    auto users = those(holders, is_used);
    if (users.empty()) {
        return {};
    }
    const std::string who = named(users);
    return {those(holders, [](const Holder& holder) { return !is_used(holder); }),
            "nothing shows that it uses the socket, while " + who + " waits for it"};
}

Suspicion other_program(const std::vector<Holder>& holders) {
    return {those(holders,
                  [&holders](const Holder& holder) {
                      const Holder* parent = parent_among(holders, holder);
                      return parent != nullptr && !holder.process->exe.empty() &&
                             !parent->process->exe.empty() &&
                             holder.process->exe != parent->process->exe;
                  }),
            "it runs another program than its parent and has inherited the fd across execve(2), "
            "for want of FD_CLOEXEC"};
}

/// Children that were born after the peer had left cannot have been meant to serve it.
Suspicion born_too_late(const HeldSocket& held, const Surroundings& around) {
    constexpr std::uint64_t ms_per_tick = 10;
    const auto idle = idle_ms(held.socket);
    if (!idle || around.uptime_ticks() == 0) {
        return {};
    }
    const auto is_late = [&](const Holder& holder) {
        const std::uint64_t begun = holder.process->id.start_time;
        const std::uint64_t age = around.uptime_ticks() - std::min(begun, around.uptime_ticks());
        return parent_among(held.holders, holder) != nullptr && (age + 1) * ms_per_tick < *idle;
    };
    return {those(held.holders, is_late),
            "it was forked after the peer had gone silent, and so only inherited the fd"};
}

Suspicion forking_parent(const std::vector<Holder>& holders) {
    return {those(holders,
                  [&holders](const Holder& holder) {
                      return std::ranges::any_of(holders, [&holder](const Holder& other) {
                          return other.process->parent == holder.process->id.pid;
                      });
                  }),
            "it is the parent, lives on, and should have closed its copy after fork(2) if the "
            "connection was meant for the child"};
}

/// The first of these signs that some holders show and others do not, the strongest first.
std::optional<Suspicion> suspicion_of(const HeldSocket& held, const Surroundings& around) {
    for (Suspicion suspicion : {unused(held.holders), other_program(held.holders),
                                born_too_late(held, around), forking_parent(held.holders)}) {
        if (!suspicion.holders.empty() && suspicion.holders.size() < held.holders.size()) {
            return suspicion;
        }
    }
    return std::nullopt;
}

}  // namespace

void note_sharing(Notes& notes, const HeldSocket& held, const Surroundings& around) {
    const std::string who = counted(held.holders.size(), "process holds", "processes hold") +
                            " it, " + named(held.holders);
    if (count_tables(held.holders) == 1) {
        notes.add(evidence_code::one_fd_table,
                  who + ", by one fd table that they share: one close is enough");
        return;
    }
    notes.add(evidence_code::shared, who + ": it closes when the last one lets go");
    if (const auto suspicion = suspicion_of(held, around)) {
        notes.add(evidence_code::mistaken_holder,
                  named(suspicion->holders) +
                      (suspicion->holders.size() == 1 ? " looks" : " look") +
                      " mistaken: " + suspicion->why);
    }
}

}  // namespace unwait
