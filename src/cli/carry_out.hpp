// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "audit.hpp"
#include "command.hpp"
#include "exit_status.hpp"
#include "printer.hpp"
#include "stop_switch.hpp"
#include "terminal.hpp"
#include "unwait/outcome.hpp"
#include "unwait/rulebook.hpp"

namespace unwait::cli {

/// A run of `clear` or `apply`: from a plan over preview and consent to outcomes and exit status.
/// One per program, made before anything is looked at.
class Run {
public:
    /// The time of --timeout runs from here. Throws Error, and Refused for what is wrong with the
    /// policy or the audit file.
    explicit Run(const RunOptions& options);

    [[nodiscard]] const Talk& talk() const { return talk_; }

    /// What would be done about the findings under the policy in force. Throws Error and Refused.
    [[nodiscard]] Plan plan_for(std::span<const Finding> findings, const Policy& policy) const;

    /// Carries out the report's plan, but for the steps whose outcomes are settled already. Throws
    /// Error when something is not as it must be for that, or results could not be written.
    [[nodiscard]] ExitStatus carry_out(Report& report, std::vector<Outcome> settled);

private:
    [[nodiscard]] bool has_consent(const Plan& plan,
                                   const std::vector<NetworkNamespace>& networks) const;
    /// What cannot be recorded is not done: that becomes the plan's refusal.
    void record_intents(Report& report, const Plan& open);
    [[nodiscard]] ExitStatus end(Report& report, ExitStatus status);
    [[nodiscard]] ExitStatus status_of(const Report& report) const;

    RunOptions options_;
    StopSwitch stop_;
    Talk talk_;
    Rulebook rulebook_;
    std::optional<Audit> audit_;  ///< absent when nothing is to be recorded
    std::unique_ptr<Printer> printer_;
};

}  // namespace unwait::cli
