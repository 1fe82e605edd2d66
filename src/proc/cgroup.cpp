// SPDX-License-Identifier: MIT
#include "cgroup.hpp"

#include <algorithm>
#include <array>

#include "proc_text.hpp"
#include "text_scan.hpp"

namespace unwait::proc {
namespace {

bool names_unit(std::string_view component) {
    static constexpr std::array<std::string_view, 5> suffixes = {".service", ".scope", ".socket",
                                                                 ".mount", ".swap"};
    return std::ranges::any_of(suffixes, [component](std::string_view suffix) {
        return component.size() > suffix.size() && component.ends_with(suffix);
    });
}

}  // namespace

std::string parse_cgroup(std::string_view text) {
    const std::string_view unified = sys::cgroup_path(text, "");
    const std::string_view systemd = sys::cgroup_path(text, "name=systemd");
    // Every kernel with cgroup v2 compiled in lists "0::/", even where systemd works on v1.
    const bool unified_unused = unified.empty() || unified == "/";
    return std::string(unified_unused && !systemd.empty() ? systemd : unified);
}

std::string unit_of_cgroup(std::string_view path) {
    std::string_view unit;
    while (!path.empty()) {
        std::string_view component = sys::take_until(path, '/');
        // systemd puts '_' in front of names that the kernel or itself would mistake for others.
        if (component.starts_with('_')) component.remove_prefix(1);
        if (names_unit(component)) unit = component;
    }
    return std::string(unit);
}

}  // namespace unwait::proc
