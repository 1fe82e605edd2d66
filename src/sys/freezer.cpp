// SPDX-License-Identifier: MIT
#include "freezer.hpp"

#include <fcntl.h>

#include <array>
#include <string>
#include <string_view>

#include "file.hpp"
#include "proc_text.hpp"
#include "unwait/error.hpp"

namespace unwait::sys {

namespace {

/// A file of a cgroup, in the first of these places where there is one.
template <std::size_t Count>
std::string read_there(const std::array<const char*, Count>& places, std::string_view cgroup,
                       const char* name) {
    // What is outside of our own cgroup namespace has no place among these.
    if (cgroup.empty() || cgroup.starts_with("/..")) return {};
    for (const char* place : places) {
        const std::string path = place + std::string(cgroup) + "/" + name;
        try {
            std::string text = text_or_empty(AT_FDCWD, path);
            if (!text.empty()) return text;
        } catch (const Error&) {  // it has just been removed, or is too deep
        }
    }
    return {};
}

}  // namespace

bool is_frozen(pid_t tid) {
    static constexpr std::array unified = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    static constexpr std::array alone = {"/sys/fs/cgroup/freezer"};
    const auto text = text_or_empty(AT_FDCWD, "/proc/" + std::to_string(tid) + "/cgroup");
    const auto cgroup = cgroup_path(text, "");
    // The first tells of those above it too, but only when all that is in it has come to rest.
    return read_there(unified, cgroup, "cgroup.events").find("frozen 1\n") != std::string::npos ||
           read_there(unified, cgroup, "cgroup.freeze").starts_with('1') ||
           read_there(alone, cgroup_path(text, "freezer"), "freezer.state").starts_with('F');
}

}  // namespace unwait::sys
