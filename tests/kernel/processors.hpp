// SPDX-License-Identifier: MIT
#pragma once

#include <sched.h>
#include <sys/types.h>

/// Who may run where, for tests that need it to be so.
namespace unwait::testing {

/// Those that this thread may run on.
[[nodiscard]] cpu_set_t our_processors();

/// At most so many of them.
[[nodiscard]] cpu_set_t some_of(cpu_set_t processors, int count);

/// Where a thread may run, for as long as this lives.
class Processors {
public:
    Processors(pid_t tid, const cpu_set_t& processors);
    Processors(const Processors&) = delete;
    Processors& operator=(const Processors&) = delete;
    ~Processors();

private:
    pid_t tid_;
    cpu_set_t before_{};
};

}  // namespace unwait::testing
