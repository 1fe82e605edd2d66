// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "code_map.hpp"
#include "stack.hpp"
#include "stack_sample.hpp"
#include "unwait/process.hpp"
#include "unwind_table.hpp"

namespace unwait::ptrace {

/// Finds the calls on the stacks of one process by libunwind, which believes all that it reads: for
/// a process of ours that may hang or crash.
class Unwinder {
public:
    /// Reads where its code is from.
    explicit Unwinder(const ProcessId& process);

    [[nodiscard]] Stack unwind(pid_t tid) const;

private:
    bool walk(Stack& stack, pid_t tid, const StackSample& sample) const;
    [[nodiscard]] std::vector<std::uintptr_t> follow_records(pid_t tid,
                                                             const StackSample& sample) const;

    ProcessId process_;
    CodeMap code_;
    std::optional<AddressRange> vdso_;
    std::optional<UnwindTable> vdso_table_;
};

}  // namespace unwait::ptrace
