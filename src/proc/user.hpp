// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>

namespace unwait::proc {

/// The user's name, or the digits of the uid when nobody knows one. A static binary asks
/// /etc/passwd alone, since the name services of nsswitch.conf(5) are shared libraries.
[[nodiscard]] std::string user_name(uid_t uid);

}  // namespace unwait::proc
