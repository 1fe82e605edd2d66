// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace unwait {

/// A failed operation: an errno value plus what was attempted on which object, for example
/// `Error(EPERM, "pidfd_getfd of fd 7 of pid 4711")`. what() reads "<attempt>: <strerror>".
class Error : public std::system_error {
public:
    Error(int errno_value, const std::string& attempt)
        : std::system_error(errno_value, std::system_category(), attempt) {}

    /// The errno value, as errno(3) numbers it.
    [[nodiscard]] int number() const noexcept { return code().value(); }

    /// Whether it is for want of a privilege: EACCES or EPERM.
    [[nodiscard]] bool is_denial() const noexcept { return is_denial(number()); }
    [[nodiscard]] static bool is_denial(int errno_value) noexcept {
        return errno_value == EACCES || errno_value == EPERM;
    }
};

/// Something that was asked for is declined on purpose, and nothing was done: what() says what,
/// why, and the remedy.
class Refused : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace unwait
