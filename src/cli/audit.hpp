// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <string>

#include "audit_file.hpp"
#include "audit_json.hpp"
#include "unwait/execute.hpp"
#include "unwait/outcome.hpp"

namespace unwait::cli {

/// Writes down what a run is about to do, before it does, and what came of it: to a file, one JSON
/// record on each line, and to the log of the system.
class Audit final : public Observer {
public:
    /// Throws Refused when nothing could be recorded there.
    explicit Audit(const std::string& path) : file_(AuditFile::open(path)) {}

    /// The intents of all steps, on the disk when this returns. Throws Refused.
    void intend(const Report& report, const Plan& plan, const std::string& policy);
    void on_outcome(const Step& step, const Outcome& outcome) override;
    /// The outcomes are on the disk. Throws Error when any is not.
    void finish();

private:
    AuditFile file_;
    AuditHead head_;
    std::exception_ptr failure_;
};

}  // namespace unwait::cli
