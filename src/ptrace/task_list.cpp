// SPDX-License-Identifier: MIT
#include "task_list.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace unwait::ptrace {

namespace {

// 0 for "." and "..".
pid_t number_of(const char* name) noexcept {
    pid_t value = 0;
    for (; *name >= '0' && *name <= '9'; ++name) value = value * 10 + (*name - '0');
    return *name == '\0' ? value : 0;
}

}  // namespace

bool for_each_task(int task_directory, void (*visit)(void*, pid_t), void* context) noexcept {
    alignas(dirent64) std::array<char, 16'384> buffer;
    if (lseek(task_directory, 0, SEEK_SET) != 0) return false;
    for (;;) {
        const long size = syscall(SYS_getdents64, task_directory, buffer.data(), buffer.size());
        if (size < 0) return false;
        if (size == 0) return true;
        for (long at = 0; at < size;) {
            std::uint16_t length = 0;
            const char* entry = buffer.data() + at;
            std::memcpy(&length, entry + offsetof(dirent64, d_reclen), sizeof length);
            if (const pid_t tid = number_of(entry + offsetof(dirent64, d_name)); tid > 0) {
                visit(context, tid);
            }
            at += length;
        }
    }
}

std::size_t count_tasks(int task_directory) noexcept {
    struct stat info {};
    if (fstat(task_directory, &info) != 0 || info.st_nlink < 2) return 0;
    return info.st_nlink - 2;
}

}  // namespace unwait::ptrace
