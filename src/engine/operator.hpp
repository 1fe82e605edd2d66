// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace unwait {

/// Who runs this, for the record.
struct Operator {
    uid_t uid = 0;  ///< real
    uid_t effective_uid = 0;
    std::optional<uid_t> login_uid;  ///< who logged in, whatever su(1) and sudo(8) made of it since
    std::string sudo_user;           ///< as SUDO_USER says, empty when it does not
    std::string tty;                 ///< of the standard streams, empty when none is one
};

[[nodiscard]] Operator read_operator();

/// A name for a run that no other run has: a random UUID. Throws Error.
[[nodiscard]] std::string new_run_id();

}  // namespace unwait
