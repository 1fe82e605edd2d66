// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "operator.hpp"
#include "unwait/outcome.hpp"

/// The records of an audit file, each with its newline.
namespace unwait::cli {

/// What the records of one run have in common.
struct AuditHead {
    std::string run_id;
    std::string boot_id;
    std::string host;
    std::string command;
    std::string policy;  ///< path, empty for none
    Operator who;
};

[[nodiscard]] std::string intent_record(const AuditHead& head, const Step& step,
                                        const Policy& policy);
[[nodiscard]] std::string audited_outcome_record(const AuditHead& head, const Step& step,
                                                 const Outcome& outcome);

}  // namespace unwait::cli
