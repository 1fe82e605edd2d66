// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <vector>

#include "command.hpp"
#include "groups.hpp"
#include "table.hpp"
#include "unwait/finding.hpp"
#include "unwait/outcome.hpp"
#include "unwait/plan.hpp"

/// Values as text for people, given to a sink in parts; safe for a terminal.
namespace unwait::cli {

struct Look {
    bool header = true;
    bool colored = false;
    bool verbose = false;
    std::vector<NetworkNamespace> networks = {};  ///< what they are known by
};

/// How views for standard output or standard error are to look.
[[nodiscard]] Look look_for(int fd, const Output& output);

void findings_view(std::span<const Finding> findings, const Look& look, const Sink& sink);
void groups_view(Grouping grouping, std::span<const Group> groups, const Look& look,
                 const Sink& sink);
/// The plan without the steps that have an outcome already: made in `room` where there are such,
/// and else the report's own, for a plan may be large.
[[nodiscard]] const Plan& open_part(const Report& report, Plan& room);
/// Every step with its ladder and reason, and everything that is left alone.
void plan_view(const Plan& plan, const Look& look, const Sink& sink);
/// Of a whole plan.
void outcomes_view(const Plan& plan, std::span<const Outcome> outcomes, const Look& look,
                   const Sink& sink);

/// What works and what does not, each with the remedy below it.
void checks_view(std::span<const Check> checks, const Look& look, const Sink& sink);
/// "kernel", "pid 12".
[[nodiscard]] std::string subject_text(const Check& check);

/// "2 sockets", "1 socket".
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun,
                                  std::string_view plural_ending = "s");

}  // namespace unwait::cli
