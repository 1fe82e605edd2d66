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

/// A socket with what is told of it because of its holders.
struct SocketOfHolders {
    const Socket& socket;
    std::span<const Holder> holders;
};

/// A step with what it does under its plan's policy.
struct StepOfPlan {
    const Step& step;
    const Policy& policy;
};

/// A group with what its findings have in common.
struct GroupBy {
    Grouping by;
    const Group& group;
};

void write_json(JsonText& text, const SocketOfHolders& of);
void write_json(JsonText& text, const BlindSpot& blind_spot);
void write_json(JsonText& text, const Finding& finding);
void write_json(JsonText& text, const Check& check);
void write_json(JsonText& text, const GroupBy& of);
void write_json(JsonText& text, const StepOfPlan& of);
void write_json(JsonText& text, const LeftAlone& each);
void write_json(JsonText& text, const Outcome& outcome);
void write_json(JsonText& text, const Summary& summary);
void write_json(JsonText& text, const NetworkNamespace& network);

/// A line of its own: an object of these members, its type first.
[[nodiscard]] std::string record(const char* type, const JsonText::Value& members);

}  // namespace unwait::cli
