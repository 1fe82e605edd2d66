// SPDX-License-Identifier: MIT
#include "json.hpp"

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

namespace {

using Json = JsonText;

Json run_json(const Report& report) {
    Json run{{"format_version", format_version}, {"tool_version", UNWAIT_VERSION},
             {"command", report.command},        {"taken_at", format_time(report.taken_at)},
             {"boot_id", report.boot_id},        {"host", report.host}};
    if (!report.run_id.empty()) run.add({"run_id", report.run_id});
    run.add({"networks", array_of(report.networks, network_json)});
    return run;
}

/// "name":[…] with each element on a line of its own.
template <typename Values, typename Convert>
void write_array(ResultStream& stream, const char* name, const Values& values, Convert convert) {
    constexpr std::size_t worth_a_thread = 128;
    stream.write(Json(name).text() + ":[");
    const char* before = "\n";
    sys::make_in_order(
        values.size(), worth_a_thread,
        [&](std::size_t at) { return Json(convert(values[at])).text(); },
        [&](std::string_view text) {
            stream.write(before);
            stream.write(text);
            before = ",\n";
        });
    stream.write(values.empty() ? "]" : "\n]");
}

Json settings_json(const Policy& policy) {
    const auto words = [](auto value) { return word(value); };
    return {
        {"actions", array_of(policy.actions, words)}, {"include", array_of(policy.include, words)},
        {"min_idle_ms", policy.min_idle.count()},     {"max_sockets", policy.max_sockets},
        {"max_processes", policy.max_processes},      {"settle_ms", policy.settle.count()},
        {"grace_ms", policy.grace.count()},           {"freeze", word(policy.freeze)},
        {"max_freeze_us", policy.max_freeze.count()}};
}

void write_plan(ResultStream& stream, const Report& report) {
    const Plan& plan = *report.plan;
    stream.write(",\n\"plan\":{");
    write_array(stream, "steps", plan.steps,
                [&plan](const Step& step) { return step_json(step, plan.policy); });
    stream.write(",\n");
    write_array(stream, "left_alone", plan.left_alone, left_alone_json);
    if (plan.refusal) stream.write(",\n\"refusal\":" + Json(*plan.refusal).text());
    stream.write(",\n\"settings\":" + settings_json(plan.policy).text());
    stream.write(",\n\"digest\":" + Json(digest_of_plan(report)).text());
    stream.write("}");
}

}  // namespace

void begin_json(ResultStream& stream, const Report& report,
                const std::optional<GroupedBy>& grouped) {
    std::string head = run_json(report).text();
    head.pop_back();
    stream.write(head + ",\n");
    write_array(stream, "blind_spots", report.blind_spots, blind_spot_json);
    stream.write(",\n");
    write_array(stream, "findings", report.findings, finding_json);
    if (grouped) {
        stream.write(",\n");
        write_array(stream, "groups", grouped->groups, std::bind_front(group_json, grouped->by));
    }
    if (report.checks) {
        stream.write(std::string(",\n\"doctor\":{\"works\":") +
                     Json(all_needed_work(*report.checks)).text() + ",");
        write_array(stream, "checks", *report.checks, check_json);
        stream.write("}");
    }
    if (report.plan) write_plan(stream, report);
}

void end_json(ResultStream& stream, const Report& report) {
    if (report.outcomes) {
        stream.write(",\n");
        write_array(stream, "outcomes", *report.outcomes, outcome_json);
    }
    stream.write(",\n\"summary\":" + summary_json(report.summary).text() + "}\n");
}

std::string run_record(const Report& report) { return record("run", run_json(report)); }

std::string blind_spot_record(const BlindSpot& blind_spot) {
    return record("blind_spot", blind_spot_json(blind_spot));
}

std::string check_record(const Check& check) { return record("check", check_json(check)); }

std::string finding_record(const Finding& finding) {
    return record("finding", finding_json(finding));
}

std::string group_record(Grouping by, const Group& group) {
    return record("group", group_json(by, group));
}

std::string step_record(const Step& step, const Policy& policy) {
    return record("step", step_json(step, policy));
}

std::string left_alone_record(const LeftAlone& left_alone) {
    return record("left_alone", left_alone_json(left_alone));
}

std::string refusal_record(const std::string& refusal) {
    return record("refusal", {{"text", refusal}});
}

std::string outcome_record(const Outcome& outcome) {
    return record("outcome", outcome_json(outcome));
}

std::string summary_record(const Summary& summary) {
    return record("summary", summary_json(summary));
}

}  // namespace unwait::cli
