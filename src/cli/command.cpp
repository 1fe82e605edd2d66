// SPDX-License-Identifier: MIT
#include "command.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "options.hpp"
#include "select.hpp"
#include "text.hpp"
#include "usage_error.hpp"
#include "values.hpp"

namespace unwait::cli {

namespace {

using std::chrono::milliseconds;

const std::string overview = "'unwait help' shows the commands";

/// What is not zero must not become zero.
milliseconds rounded_up(std::chrono::microseconds duration) {
    return std::chrono::ceil<milliseconds>(duration);
}

std::optional<milliseconds> timeout_of(const Given& given) {
    const auto timeout = duration_of(given, "timeout");
    if (!timeout) return std::nullopt;
    if (timeout->count() == 0) {
        throw UsageError("--timeout: no time at all", "give more, or leave it out to wait");
    }
    return rounded_up(*timeout);
}

Selector checked_selector(const Given& given) {
    if (given.contains("fd") && !given.contains("pid")) {
        throw UsageError("--fd needs --pid: every process numbers its own", "add --pid PID");
    }
    if (given.contains("owned") && given.contains("unowned")) {
        throw UsageError("--owned contradicts --unowned", "leave one of them out");
    }
    return selector_of(given);
}

ListCommand list_command(const Given& given) {
    ListCommand command;
    command.selector = checked_selector(given);
    if (const auto idle = duration_of(given, "min-idle")) {
        command.selector.min_idle = command.min_idle = rounded_up(*idle);
    }
    command.by = grouping_of(given);
    command.timeout = timeout_of(given);
    command.output = output_of(given);
    return command;
}

ExplainCommand explain_command(const Given& given) {
    ExplainCommand command;
    command.selector = checked_selector(given);
    if (const auto idle = duration_of(given, "min-idle")) {
        command.selector.min_idle = command.policy.min_idle = rounded_up(*idle);
    }
    command.inquiry.stacks = given.contains("stack");
    if (const auto duration = duration_of(given, "observe")) {
        if (duration->count() == 0) {
            throw UsageError("--observe: nothing is seen in no time", "give some, such as 5s");
        }
        command.inquiry.observe = rounded_up(*duration);
    }
    command.inquiry.trace = given.contains("trace");
    if (command.inquiry.trace && !command.inquiry.observe) {
        throw UsageError("--trace needs --observe: calls are counted while it watches",
                         "add --observe DURATION, such as --observe 5s");
    }
    command.timeout = timeout_of(given);
    command.output = output_of(given);
    return command;
}

Policy policy_of(const Given& given) {
    Policy policy;
    policy.actions = actions_of(given);
    policy.include = included_of(given);
    if (const auto idle = duration_of(given, "min-idle")) policy.min_idle = rounded_up(*idle);
    if (const auto count = count_of(given, "max-sockets")) policy.max_sockets = *count;
    if (const auto count = count_of(given, "max-processes")) policy.max_processes = *count;
    if (const auto settle = duration_of(given, "settle")) policy.settle = rounded_up(*settle);
    if (const auto grace = duration_of(given, "grace")) policy.grace = rounded_up(*grace);
    if (const auto freeze = freeze_of(given)) policy.freeze = *freeze;
    if (const auto freeze = duration_of(given, "max-freeze")) {
        if (freeze->count() == 0) {
            throw UsageError("--max-freeze: nothing can be done in no time", "give at least 1us");
        }
        policy.max_freeze = *freeze;
    }
    return policy;
}

std::optional<std::string> path_of(const Given& given, std::string_view option) {
    const auto found = given.find(option);
    return found == given.end() ? std::nullopt : std::optional(found->second.front());
}

RunOptions run_options_of(const Given& given) {
    RunOptions options;
    options.dry_run = given.contains("dry-run");
    options.yes = given.contains("yes");
    options.detailed_exitcode = given.contains("detailed-exitcode");
    options.timeout = timeout_of(given);
    options.policy = path_of(given, "policy");
    options.audit = path_of(given, "audit");
    options.output = output_of(given);
    return options;
}

ClearCommand clear_command(const Given& given) {
    ClearCommand command;
    command.selector = checked_selector(given);
    command.policy = policy_of(given);
    const bool everything = selects_everything(command.selector);
    if (everything && !given.contains("all")) {
        throw UsageError("clear: nothing is selected",
                         "add a selector such as --port or --process, or --all to mean every one");
    }
    if (!everything && given.contains("all")) {
        throw UsageError("--all contradicts the selectors", "leave it or them out");
    }
    command.run = run_options_of(given);
    return command;
}

ApplyCommand apply_command(const Given& given) {
    ApplyCommand command;
    command.plan = *path_of(given, operand);
    if (const auto age = duration_of(given, "max-plan-age"))
        command.max_plan_age = rounded_up(*age);
    command.max_sockets = count_of(given, "max-sockets");
    command.max_processes = count_of(given, "max-processes");
    command.run = run_options_of(given);
    return command;
}

CheckCommand check_command(const Given& given) {
    CheckCommand command;
    command.selector = checked_selector(given);
    if (const auto idle = duration_of(given, "min-idle")) {
        command.selector.min_idle = rounded_up(*idle);
    }
    command.measure = measure_of(given);
    command.warning = threshold_of(given, "warning");
    command.critical = threshold_of(given, "critical");
    command.prom = path_of(given, "prom");
    command.timeout = timeout_of(given);
    if (!command.warning && !command.critical && !command.prom) {
        throw UsageError("check: nothing to compare with",
                         "give --warning or --critical, or --prom to write gauges only");
    }
    return command;
}

DoctorCommand doctor_command(const Given& given) {
    DoctorCommand command;
    for (const auto& any_of : selector_of(given).pids) {
        command.request.pids.insert(command.request.pids.end(), any_of.begin(), any_of.end());
    }
    command.request.actions = actions_of(given);
    command.timeout = timeout_of(given);
    command.output = output_of(given);
    return command;
}

PolicyCheckCommand policy_check_command(const Given& given) {
    return {*path_of(given, operand), output_of(given)};
}

PolicyExplainCommand policy_explain_command(const Given& given) {
    return {checked_selector(given), path_of(given, "policy"), output_of(given)};
}

Verb checked_verb(std::string_view text) {
    if (const auto verb = verb_of_word(text)) return *verb;
    std::vector<std::string_view> names;
    for (const VerbSpec& verb : verb_table()) names.push_back(verb.name);
    std::string what = "unknown command " + quoted(text);
    if (const auto near = nearest(text, names)) what += "; did you mean " + quoted(*near) + "?";
    throw UsageError(what, overview);
}

/// The verb, which is one word or two, and the arguments behind it.
std::pair<Verb, std::span<char* const>> take_verb(std::span<char* const> arguments) {
    std::string name = arguments.front();
    const bool is_half = std::ranges::any_of(
        verb_table(), [&](const VerbSpec& verb) { return verb.name.starts_with(name + " "); });
    if (is_half && arguments.size() > 1) {
        name.append(" ").append(arguments[1]);
        arguments = arguments.subspan(1);
    }
    return {checked_verb(name), arguments.subspan(1)};
}

HelpCommand help_command(std::span<char* const> arguments) {
    if (arguments.empty()) return {};
    const auto [verb, rest] = take_verb(arguments);
    if (!rest.empty()) throw UsageError("unexpected argument " + quoted(rest[0]), overview);
    return {verb};
}

}  // namespace

Command read_command(std::span<char* const> arguments) {
    if (arguments.empty()) throw UsageError("no command", overview);
    const std::string_view first = arguments.front();
    const auto rest = arguments.subspan(1);
    if (first == "--version" || first == "-V") return VersionCommand{};
    if (first == "--help" || first == "-h") return help_command(rest);
    if (first.starts_with('-')) {
        throw UsageError("the command comes first, then " + quoted(first), overview);
    }
    const auto [verb, words] = take_verb(arguments);
    if (verb == Verb::help) return help_command(words);
    const Given given = parse_options(verb, words);
    if (given.contains("help")) return HelpCommand{verb};
    switch (verb) {
        case Verb::list:
            return list_command(given);
        case Verb::explain:
            return explain_command(given);
        case Verb::clear:
            return clear_command(given);
        case Verb::apply:
            return apply_command(given);
        case Verb::check:
            return check_command(given);
        case Verb::doctor:
            return doctor_command(given);
        case Verb::policy_check:
            return policy_check_command(given);
        case Verb::policy_explain:
            return policy_explain_command(given);
        case Verb::help:
            break;
    }
    return HelpCommand{verb};
}

}  // namespace unwait::cli
