// SPDX-License-Identifier: MIT
#include "task_list.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "directory.hpp"
#include "text_scan.hpp"

namespace unwait::ptrace {

bool for_each_task(int task_directory, void (*visit)(void*, pid_t), void* context) noexcept {
    if (lseek(task_directory, 0, SEEK_SET) != 0) return false;
    return sys::for_each_numbered(task_directory, [visit, context](const char* name) {
               if (const auto tid = sys::to_number<pid_t>(name)) visit(context, *tid);
           }) == 0;
}

std::size_t count_tasks(int task_directory) noexcept {
    struct stat info {};
    if (fstat(task_directory, &info) != 0 || info.st_nlink < 2) return 0;
    return info.st_nlink - 2;
}

}  // namespace unwait::ptrace
