// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkup.hpp"

namespace unwait {

/// Checks of one subject, as they are made.
class CheckList {
public:
    explicit CheckList(Subject subject, pid_t pid = 0) : subject_(subject), pid_(pid) {}

    /// The remedy is told only where it does not work.
    void add(std::string_view code, bool works, bool needed, std::string why, std::string remedy) {
        checks_.push_back({subject_, pid_, code, works, needed, std::move(why),
                           works ? std::string() : std::move(remedy)});
    }
    /// Something to know, that stands against nothing.
    void tell(std::string_view code, std::string what) {
        add(code, true, false, std::move(what), {});
    }
    [[nodiscard]] std::vector<Check> take() { return std::move(checks_); }

private:
    Subject subject_;
    pid_t pid_;
    std::vector<Check> checks_;
};

[[nodiscard]] inline bool wants(const std::vector<Action>& wanted, Action action) {
    return std::ranges::find(wanted, action) != wanted.end();
}

/// Whether one of them is made inside a process.
[[nodiscard]] inline bool wants_injection(const std::vector<Action>& wanted) {
    return wants(wanted, Action::close) || wants(wanted, Action::replace);
}

/// Whether one of them needs more of a holder than that it can be sent a signal.
[[nodiscard]] inline bool wants_files(const std::vector<Action>& wanted) {
    return wants(wanted, Action::shutdown) || wants_injection(wanted);
}

}  // namespace unwait
