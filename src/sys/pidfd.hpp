// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <climits>
#include <optional>

#include "fd.hpp"

namespace unwait::sys {

/// A process held by pidfd_open(2) (Linux 5.3): while this lives, its pid means no other process.
class PidFd {
public:
    /// Absent when there is no such process. Throws Error for anything else.
    [[nodiscard]] static std::optional<PidFd> open(pid_t pid);
    /// One thread (PIDFD_THREAD, Linux 6.9). Absent when it is gone or the kernel cannot.
    [[nodiscard]] static std::optional<PidFd> open_thread(pid_t tid);

    /// A duplicate of the target's fd (pidfd_getfd(2), Linux 5.6, needs
    /// PTRACE_MODE_ATTACH_REALCREDS). Absent when the target has no such fd or has exited; throws
    /// Error(EPERM, ENOSYS, …) otherwise.
    [[nodiscard]] std::optional<Fd> get_fd(int target_fd) const;
    /// Throws what get_fd() would, whatever the number: the kernel asks for the permission first.
    void check_get_fd() const { static_cast<void>(get_fd(INT_MAX)); }

    /// False when the process has exited already. Throws Error otherwise.
    bool send_signal(int signal) const;

    /// Whether it has exited, waiting at most that long for it.
    [[nodiscard]] bool exited(std::chrono::milliseconds patience = std::chrono::milliseconds{
                                  0}) const;

    [[nodiscard]] int poll_fd() const noexcept { return fd_.get(); }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    PidFd(Fd fd, pid_t pid) noexcept : fd_(std::move(fd)), pid_(pid) {}
    Fd fd_;
    pid_t pid_;
};

}  // namespace unwait::sys
