// SPDX-License-Identifier: MIT
#include "file_marks.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <string>

#include "parallel.hpp"

namespace unwait::ptrace {

namespace {

/// How many files are worth a thread of their own (sys::in_parallel).
constexpr std::size_t worth_a_thread = 256;

bool is_in_our_pid_namespace(pid_t target) noexcept {
    struct stat ours {};
    struct stat theirs {};
    const std::string path = "/proc/" + std::to_string(target) + "/ns/pid";
    return ::stat("/proc/self/ns/pid", &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 &&
           ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/// Several numbers may lead to one file, which is marked once.
bool can_be_marked(const Cut& cut, pid_t value) noexcept {
    if (cut.reference < 0) return false;
    const pid_t owner = ::fcntl(cut.reference, F_GETOWN);
    if (owner != 0 && owner != value) return false;
    const int flags = ::fcntl(cut.reference, F_GETFL);
    return flags >= 0 && (flags & O_ASYNC) == 0;
}

}  // namespace

FileMarks::FileMarks(std::span<const Cut> cuts, pid_t target) : cuts_(cuts) {
    if (cuts.empty() || !is_in_our_pid_namespace(target)) return;
    value_ = ::getpid();
    std::atomic<bool> all = true;
    sys::in_parallel(cuts.size(), worth_a_thread, [&](std::size_t at) {
        if (can_be_marked(cuts[at], value_)) {
            ::fcntl(cuts[at].reference, F_SETOWN, value_);
        } else {
            all = false;
        }
    });
    if (!all) remove();
}

FileMarks::~FileMarks() { remove(); }

void FileMarks::remove() {
    if (value_ == 0) return;
    sys::in_parallel(cuts_.size(), worth_a_thread, [&](std::size_t at) {
        const int file = cuts_[at].reference;
        if (::fcntl(file, F_GETOWN) == value_) ::fcntl(file, F_SETOWN, 0);
    });
    value_ = 0;
}

}  // namespace unwait::ptrace
