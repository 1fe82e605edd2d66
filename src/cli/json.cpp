// SPDX-License-Identifier: MIT
#include "json.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>

#include "checkup.hpp"
#include "parallel.hpp"
#include "plan_digest.hpp"
#include "text.hpp"
#include "value_json.hpp"
#include "vocabulary.hpp"

namespace unwait::cli {

// Not in the unnamed namespace, where they would not be found by their arguments.

/// As what it begins with.
static void write_json(JsonText& text, const Report& report) {
    text.write({{"format_version", format_version},
                {"tool_version", UNWAIT_VERSION},
                {"command", report.command},
                {"taken_at", format_time(report.taken_at)},
                {"boot_id", report.boot_id},
                {"host", report.host}});
    if (!report.run_id.empty()) text.merge({{"run_id", report.run_id}});
    text.merge({{"networks", report.networks}});
}

static void write_json(JsonText& text, const Policy& policy) {
    text.write({{"actions", policy.actions},
                {"include", policy.include},
                {"min_idle_ms", policy.min_idle.count()},
                {"max_sockets", policy.max_sockets},
                {"max_processes", policy.max_processes},
                {"settle_ms", policy.settle.count()},
                {"grace_ms", policy.grace.count()},
                {"freeze", policy.freeze},
                {"max_freeze_us", policy.max_freeze.count()}});
}

namespace {

/// "name":[…] with each element on a line of its own. They are made by all processors that are
/// idle, a block of them at a time.
template <typename Values, typename View = std::identity>
void write_array(ResultStream& stream, const char* name, const Values& values, View view = {}) {
    constexpr std::size_t size_of_block = 32;
    constexpr std::size_t worth_a_thread = 4;
    const auto text_of = [&](std::size_t block) {
        JsonText text;
        const std::size_t first = block * size_of_block;
        for (std::size_t at = first; at < std::min(first + size_of_block, values.size()); ++at) {
            text.append(at == 0 ? "\n" : ",\n");
            text.write(view(values[at]));
        }
        return std::move(text).text();
    };
    stream.write(to_json(name) + ":[");
    const std::size_t blocks = (values.size() + size_of_block - 1) / size_of_block;
    sys::make_in_order(blocks, worth_a_thread, text_of,
                       [&](std::string_view text) { stream.write(text); });
    stream.write(values.empty() ? "]" : "\n]");
}

void write_plan(ResultStream& stream, const Report& report) {
    const Plan& plan = *report.plan;
    stream.write(",\n\"plan\":{");
    write_array(stream, "steps", plan.steps, [&plan](const Step& step) {
        return StepOfPlan{step, plan.policy};
    });
    stream.write(",\n");
    write_array(stream, "left_alone", plan.left_alone);
    if (plan.refusal) stream.write(",\n\"refusal\":" + to_json(*plan.refusal));
    stream.write(",\n\"settings\":" + to_json(plan.policy));
    stream.write(",\n\"digest\":" + to_json(digest_of_plan(report)));
    stream.write("}");
}

}  // namespace

void begin_json(ResultStream& stream, const Report& report,
                const std::optional<GroupedBy>& grouped) {
    std::string head = to_json(report);
    head.pop_back();
    stream.write(head + ",\n");
    write_array(stream, "blind_spots", report.blind_spots);
    stream.write(",\n");
    write_array(stream, "findings", report.findings);
    if (grouped) {
        stream.write(",\n");
        write_array(stream, "groups", grouped->groups, [&](const Group& group) {
            return GroupBy{grouped->by, group};
        });
    }
    if (report.checks) {
        stream.write(",\n\"doctor\":{\"works\":" + to_json(all_needed_work(*report.checks)) + ",");
        write_array(stream, "checks", *report.checks);
        stream.write("}");
    }
    if (report.plan) write_plan(stream, report);
}

void end_json(ResultStream& stream, const Report& report) {
    if (report.outcomes) {
        stream.write(",\n");
        write_array(stream, "outcomes", *report.outcomes);
    }
    stream.write(",\n\"summary\":" + to_json(report.summary) + "}\n");
}

std::string run_record(const Report& report) { return record("run", report); }

std::string blind_spot_record(const BlindSpot& blind_spot) {
    return record("blind_spot", blind_spot);
}

std::string check_record(const Check& check) { return record("check", check); }

std::string finding_record(const Finding& finding) { return record("finding", finding); }

std::string group_record(Grouping by, const Group& group) {
    return record("group", GroupBy{by, group});
}

std::string step_record(const Step& step, const Policy& policy) {
    return record("step", StepOfPlan{step, policy});
}

std::string left_alone_record(const LeftAlone& left_alone) {
    return record("left_alone", left_alone);
}

std::string refusal_record(const std::string& refusal) {
    return record("refusal", {{"text", refusal}});
}

std::string outcome_record(const Outcome& outcome) { return record("outcome", outcome); }

std::string summary_record(const Summary& summary) { return record("summary", summary); }

}  // namespace unwait::cli
