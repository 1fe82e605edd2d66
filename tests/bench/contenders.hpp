// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

/// The command lines that are compared.
namespace unwait::bench {

using Words = std::vector<std::string>;

[[nodiscard]] Words unwait_list();
/// The same without the capabilities that the search in the kernel needs: through /proc.
[[nodiscard]] Words unwait_list_by_proc();
[[nodiscard]] Words ss_list();
[[nodiscard]] Words lsof_list();
[[nodiscard]] Words netstat_list();

/// `unwait clear` of everything stuck in one process, whatever its age; `more` is appended.
[[nodiscard]] Words unwait_clear(pid_t pid, const Words& more);
[[nodiscard]] Words unwait_close(pid_t pid, int fd);
/// The one-liner that is passed on wherever this is asked.
[[nodiscard]] Words gdb_close(pid_t pid, int fd);

/// The stacks of the threads of one process.
[[nodiscard]] Words unwait_stacks(pid_t pid);
[[nodiscard]] Words gdb_stacks(pid_t pid);

/// Whether PATH has it.
[[nodiscard]] bool is_installed(const std::string& program);

}  // namespace unwait::bench
