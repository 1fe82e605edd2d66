// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "checkup.hpp"
#include "investigate.hpp"
#include "option_table.hpp"
#include "threshold.hpp"
#include "unwait/plan.hpp"
#include "unwait/selector.hpp"

namespace unwait::cli {

enum class Format : std::uint8_t { table, json, ndjson };
enum class Color : std::uint8_t { automatic, always, never };
enum class Grouping : std::uint8_t { process, unit, port, peer };

[[nodiscard]] std::string_view word(Grouping grouping);

/// How results and talk are written.
struct Output {
    Format format = Format::table;
    Color color = Color::automatic;
    bool header = true;
    bool quiet = false;
    bool verbose = false;
};

struct ListCommand {
    Selector selector;
    /// Idle shorter than this reads `too-young`: what `clear` would say with the same options.
    std::chrono::milliseconds min_idle = Policy{}.min_idle;
    std::optional<Grouping> by;
    std::optional<std::chrono::milliseconds> timeout;
    Output output;
};

struct ExplainCommand {
    Selector selector;
    Policy policy;  ///< under which clear would act
    Inquiry inquiry;
    std::optional<std::chrono::milliseconds> timeout;
    Output output;
};

/// How a plan is carried out.
struct RunOptions {
    bool dry_run = false;
    bool yes = false;
    bool detailed_exitcode = false;
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<std::string> policy;  ///< path
    std::optional<std::string> audit;   ///< path
    Output output;
};

struct ClearCommand {
    Selector selector;
    Policy policy;
    RunOptions run;
};

struct ApplyCommand {
    std::string plan;  ///< path
    std::chrono::milliseconds max_plan_age{3'600'000};
    std::optional<std::size_t> max_sockets;    ///< fewer than the plan itself allows
    std::optional<std::size_t> max_processes;  ///< likewise
    RunOptions run;
};

/// What monitoring may watch.
enum class Measure : std::uint8_t { sockets, idle, fds, process };

struct CheckCommand {
    Selector selector;
    Measure measure = Measure::sockets;
    std::optional<Threshold> warning;
    std::optional<Threshold> critical;
    std::optional<std::string> prom;  ///< path
    std::optional<std::chrono::milliseconds> timeout;
};

struct DoctorCommand {
    CheckupRequest request;
    std::optional<std::chrono::milliseconds> timeout;
    Output output;
};

struct PolicyCheckCommand {
    std::string policy;  ///< path
    Output output;
};

struct PolicyExplainCommand {
    Selector selector;
    std::optional<std::string> policy;  ///< path
    Output output;
};

struct HelpCommand {
    std::optional<Verb> topic;
};

struct VersionCommand {};

using Command = std::variant<ListCommand, ExplainCommand, ClearCommand, ApplyCommand, CheckCommand,
                             DoctorCommand, PolicyCheckCommand, PolicyExplainCommand, HelpCommand,
                             VersionCommand>;

/// What the arguments (without the program's name) ask for. Throws UsageError.
[[nodiscard]] Command read_command(std::span<char* const> arguments);

}  // namespace unwait::cli
