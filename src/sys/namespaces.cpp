// SPDX-License-Identifier: MIT
#include "namespaces.hpp"

#include <sys/stat.h>

namespace unwait::sys {

bool in_first_namespace(NamespaceKind kind) noexcept {
    // PROC_USER_INIT_INO and PROC_PID_INIT_INO, part of the kernel's ABI.
    const bool is_user = kind == NamespaceKind::user;
    const ino_t first = is_user ? 0xEFFFFFFD : 0xEFFFFFFC;
    struct stat status {};
    return ::stat(is_user ? "/proc/self/ns/user" : "/proc/self/ns/pid", &status) == 0 &&
           status.st_ino == first;
}

}  // namespace unwait::sys
