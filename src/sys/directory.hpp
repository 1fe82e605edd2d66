// SPDX-License-Identifier: MIT
#pragma once

#include <dirent.h>

#include <array>
#include <cerrno>

namespace unwait::sys {

/// Calls `visit(const char* name)` for each entry of an open directory whose name begins with a
/// digit: processes, threads and fds. Returns 0, or the errno of getdents64(2), which has no
/// allocations to spend on the many small directories of /proc.
template <typename Visit>
int for_each_numbered(int directory, Visit&& visit) {
    alignas(dirent64) std::array<char, 32768> buffer;
    for (;;) {
        const ssize_t length = ::getdents64(directory, buffer.data(), buffer.size());
        if (length <= 0) return length == 0 ? 0 : errno;
        for (ssize_t at = 0; at < length;) {
            const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
            at += entry->d_reclen;
            if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') visit(&entry->d_name[0]);
        }
    }
}

}  // namespace unwait::sys
