// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>

#include "command.hpp"
#include "unwait/execute.hpp"
#include "unwait/outcome.hpp"

namespace unwait::cli {

/// Writes the results of a run to standard output as they become known, in the format that was
/// asked for.
class Printer : public Observer {
public:
    /// The plan is known, and whether somebody consents to it. `to_be_done`: it is about to be
    /// carried out, if so; else it is the result. The findings are not looked at after this.
    virtual void planned(const Report& report, bool to_be_done) = 0;
    /// Nothing more will come. Throws Error when results could not be written.
    virtual void finished(const Report& report) = 0;
};

[[nodiscard]] std::unique_ptr<Printer> make_printer(const Output& output,
                                                    std::optional<Grouping> by = std::nullopt);

}  // namespace unwait::cli
