// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <span>

#include "surgeon.hpp"

namespace unwait::ptrace {

/// Makes this process the owner (fcntl(2), F_SETOWN) of the files behind our references, and takes
/// that back: a mark by which code inside the target recognises them for a sixth of what kcmp(2)
/// costs from outside. No other file can have an owner that is not its own; a file that has one
/// already, or that sends signals (O_ASYNC), is left alone, and then none is marked. When this
/// process dies first the files have an owner that no longer exists, which means nothing to
/// anybody.
class FileMarks {
public:
    /// `target` is to read them.
    FileMarks(std::span<const Cut> cuts, pid_t target);
    ~FileMarks();
    FileMarks(const FileMarks&) = delete;
    FileMarks& operator=(const FileMarks&) = delete;
    FileMarks(FileMarks&&) = delete;
    FileMarks& operator=(FileMarks&&) = delete;

    /// What F_GETOWN answers in the target for each of these files; 0 when they are not marked.
    [[nodiscard]] pid_t value() const noexcept { return value_; }

private:
    void remove();

    std::span<const Cut> cuts_;
    pid_t value_ = 0;
};

}  // namespace unwait::ptrace
