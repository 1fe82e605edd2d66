// SPDX-License-Identifier: MIT
#include "preflight.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "arch.hpp"
#include "cave.hpp"
#include "fd.hpp"
#include "survey.hpp"
#include "unwait/error.hpp"

namespace unwait::ptrace {

std::optional<std::string> obstacle(const ProcessId& id, pid_t table) {
    const std::string pid = "pid " + std::to_string(id.pid);
    const std::string path = "/proc/" + std::to_string(table) + "/mem";
    const sys::Fd memory(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!memory) {
        const int number = errno;
        const bool may_read =
            static_cast<bool>(sys::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
        return pid + " may not be held: " + std::strerror(number) +
               (may_read ? " (its memory may be read but not written: root or CAP_DAC_OVERRIDE)"
                         : " (root, or CAP_SYS_PTRACE and for processes of other users "
                           "CAP_DAC_OVERRIDE; see kernel.yama.ptrace_scope)");
    }
    try {
        const auto cave = Cave::find(table, memory);
        const auto least = sizeof(Cave::Header) + std::max(arch::blob_size(Operation::close, 1),
                                                           arch::blob_size(Operation::replace, 1));
        if (!cave || cave->range().end - cave->range().begin < least) {
            return pid + " has no [vdso] with room for the code that would close its fd";
        }
        const auto threads = survey_threads({&id, 1});
        if (std::ranges::none_of(threads, is_able)) {
            return pid + " has no thread that could make the call: " + why_unable(threads);
        }
    } catch (const Error& error) {
        return error.what();
    }
    return std::nullopt;
}

}  // namespace unwait::ptrace
