// SPDX-License-Identifier: MIT
#include "pidfd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>

#include "unwait/error.hpp"

// Raw system calls: <sys/pidfd.h> cannot be included next to <linux/pidfd.h>, and musl and older C
// libraries have no wrappers.
namespace unwait::sys {
namespace {

constexpr unsigned pidfd_thread = O_EXCL;  // PIDFD_THREAD of linux/pidfd.h

std::string about(const char* call, pid_t pid) {
    return std::string(call) + " of pid " + std::to_string(pid);
}

int pidfd_open(pid_t pid, unsigned flags) noexcept {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, flags));
}

}  // namespace

std::optional<PidFd> PidFd::open(pid_t pid) {
    Fd fd(pidfd_open(pid, 0));
    if (fd) return PidFd(std::move(fd), pid);
    // EINVAL (ENOENT since Linux 6.9) is a number that belongs to a thread, or none at all.
    if (errno == ESRCH || errno == EINVAL || errno == ENOENT) return std::nullopt;
    throw Error(errno, about("pidfd_open", pid));
}

std::optional<PidFd> PidFd::open_thread(pid_t tid) {
    Fd fd(pidfd_open(tid, pidfd_thread));
    if (fd) return PidFd(std::move(fd), tid);
    if (errno == ESRCH || errno == EINVAL || errno == ENOSYS) return std::nullopt;
    throw Error(errno, about("pidfd_open", tid));
}

std::optional<Fd> PidFd::get_fd(int target_fd) const {
    Fd fd(static_cast<int>(::syscall(SYS_pidfd_getfd, fd_.get(), target_fd, 0U)));
    if (fd) return fd;
    if (errno == EBADF || errno == ESRCH) return std::nullopt;
    throw Error(errno, "pidfd_getfd of fd " + std::to_string(target_fd) + " of pid " +
                           std::to_string(pid_));
}

bool PidFd::send_signal(int signal) const {
    if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0U) == 0) return true;
    if (errno == ESRCH) return false;
    throw Error(errno, about("pidfd_send_signal", pid_));
}

bool PidFd::exited(std::chrono::milliseconds patience) const {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + patience;
    for (auto left = patience;;) {
        const auto wait = std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, INT_MAX);
        pollfd watched{fd_.get(), POLLIN, 0};
        const int ready = ::poll(&watched, 1, static_cast<int>(wait));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) throw Error(errno, about("poll", pid_));
        left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return false;
    }
}

}  // namespace unwait::sys
