// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace unwait::proc {

/// The name of a system call of our own architecture in which threads wait, "call 512" for others.
[[nodiscard]] std::string call_name(long number);

/// Whether that argument of the call, from 0 on, is the number of an fd that it is about. Not what
/// only lists fds (poll(2)), or a range of them.
[[nodiscard]] bool takes_fd(long number, int argument);

}  // namespace unwait::proc
