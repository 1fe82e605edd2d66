// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "seccomp.hpp"

namespace unwait::ptrace::seccomp {

/// All filters of a thread, the oldest first. A thread's filters never change and never go away:
/// more can only be added (seccomp(2)). Allocates when it is made, never after.
class FilterChain {
public:
    FilterChain();
    FilterChain(const FilterChain&) = delete;
    FilterChain& operator=(const FilterChain&) = delete;
    ~FilterChain() = default;

    /// The thread must be in a ptrace-stop. 0, or an errno value: EACCES without CAP_SYS_ADMIN in
    /// the initial user namespace, or when we have a filter ourselves; EINVAL when it has no filter
    /// or the kernel has no CONFIG_CHECKPOINT_RESTORE; EIO before Linux 4.4; EMEDIUMTYPE for a
    /// filter that is not classic BPF or not as we know it; E2BIG for more than can be read while a
    /// thread waits.
    [[nodiscard]] int read(pid_t tid) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return programs_.size(); }

    /// The gravest answer of them to a call (see Evaluator::run).
    [[nodiscard]] std::uint32_t answer(const Call& call, Evaluator& evaluator) const noexcept;

private:
    std::vector<sock_filter> instructions_;
    std::vector<Program> programs_;  // over those
};

/// How many instructions the filter with this index has, 0 the oldest; or a negative errno value:
/// ENOENT when there are not so many, else as FilterChain::read(). The thread must be in a
/// ptrace-stop.
[[nodiscard]] long filter_size(pid_t tid, std::size_t index) noexcept;

}  // namespace unwait::ptrace::seccomp
