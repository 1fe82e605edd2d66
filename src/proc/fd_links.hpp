// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "fd.hpp"

namespace unwait::proc {

/// The links of one fd table (proc_pid_fd(5)), opened once for many questions.
class FdLinks {
public:
    /// Of the table that the thread uses. Throws Error when our own process lacks something
    /// (EMFILE, ENOMEM).
    FdLinks(pid_t pid, pid_t tid);

    /// Whether that inode is behind the fd right now; absent when it may not be read.
    [[nodiscard]] std::optional<bool> leads_to(int fd, std::uint64_t inode) const;

private:
    pid_t tid_;
    std::optional<sys::Fd> directory_;  ///< absent: the thread has gone
    bool denied_ = false;
};

}  // namespace unwait::proc
