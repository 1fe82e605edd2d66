// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "command.hpp"
#include "groups.hpp"
#include "terminal.hpp"
#include "unwait/outcome.hpp"

/// JSON as unwait.schema.json describes it: ASCII only, everything else escaped.
namespace unwait::cli {

/// Groups as the results of `list --by` carry them.
struct GroupedBy {
    Grouping by;
    std::vector<Group> groups;
};

/// The report as one object, written piece by piece, for there may be very many findings: all that
/// is known before anything is done, and then what came of it. Both throw Error.
void begin_json(ResultStream& stream, const Report& report,
                const std::optional<GroupedBy>& grouped);
void end_json(ResultStream& stream, const Report& report);

/// Single NDJSON records, each with its newline.
[[nodiscard]] std::string run_record(const Report& report);
[[nodiscard]] std::string blind_spot_record(const BlindSpot& blind_spot);
[[nodiscard]] std::string check_record(const Check& check);
[[nodiscard]] std::string finding_record(const Finding& finding);
[[nodiscard]] std::string group_record(Grouping by, const Group& group);
[[nodiscard]] std::string step_record(const Step& step, const Policy& policy);
[[nodiscard]] std::string left_alone_record(const LeftAlone& left_alone);
[[nodiscard]] std::string refusal_record(const std::string& refusal);
[[nodiscard]] std::string outcome_record(const Outcome& outcome);
[[nodiscard]] std::string summary_record(const Summary& summary);

}  // namespace unwait::cli
