// SPDX-License-Identifier: MIT
#include "policy_facts.hpp"

#include <ctime>
#include <set>

#include "run_marks.hpp"
#include "socket_count.hpp"

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

}  // namespace

PolicyFacts gather_facts(const Rulebook& book, std::span<const Finding> findings) {
    PolicyFacts facts;
    facts.minute_of_week = minute_of_week();
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
