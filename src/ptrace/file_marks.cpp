// SPDX-License-Identifier: MIT
#include "file_marks.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace unwait::ptrace {

namespace {

bool is_in_our_pid_namespace(pid_t target) noexcept {
    struct stat ours {};
    struct stat theirs {};
    const std::string path = "/proc/" + std::to_string(target) + "/ns/pid";
    return ::stat("/proc/self/ns/pid", &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 &&
           ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

bool can_be_marked(const Cut& cut) noexcept {
    if (cut.reference < 0 || ::fcntl(cut.reference, F_GETOWN) != 0) return false;
    const int flags = ::fcntl(cut.reference, F_GETFL);
    return flags >= 0 && (flags & O_ASYNC) == 0;
}

}  // namespace

FileMarks::FileMarks(std::span<const Cut> cuts, pid_t target) noexcept : cuts_(cuts) {
    if (cuts.empty() || !is_in_our_pid_namespace(target)) return;
    if (!std::ranges::all_of(cuts, can_be_marked)) return;
    value_ = ::getpid();
    for (const Cut& cut : cuts) ::fcntl(cut.reference, F_SETOWN, value_);
}

FileMarks::~FileMarks() {
    if (value_ == 0) return;
    for (const Cut& cut : cuts_) {
        if (::fcntl(cut.reference, F_GETOWN) == value_) ::fcntl(cut.reference, F_SETOWN, 0);
    }
}

}  // namespace unwait::ptrace
