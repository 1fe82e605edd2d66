// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "command.hpp"
#include "groups.hpp"
#include "json_text.hpp"
#include "unwait/outcome.hpp"

/// Single values as unwait.schema.json describes them.
namespace unwait::cli {

/// Of what is written and read: within one version members are only added.
inline constexpr int format_version = 1;

[[nodiscard]] JsonText socket_json(const Socket& socket, std::span<const Holder> holders);
[[nodiscard]] JsonText blind_spot_json(const BlindSpot& blind_spot);
[[nodiscard]] JsonText finding_json(const Finding& finding);
[[nodiscard]] JsonText check_json(const Check& check);
[[nodiscard]] JsonText group_json(Grouping by, const Group& group);
[[nodiscard]] JsonText step_json(const Step& step, const Policy& policy);
[[nodiscard]] JsonText left_alone_json(const LeftAlone& each);
[[nodiscard]] JsonText outcome_json(const Outcome& outcome);
[[nodiscard]] JsonText summary_json(const Summary& summary);
[[nodiscard]] JsonText network_json(const NetworkNamespace& network);

/// A line of its own: an object of these members, its type first.
[[nodiscard]] std::string record(const char* type, const JsonText& members);

}  // namespace unwait::cli
