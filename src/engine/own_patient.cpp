// SPDX-License-Identifier: MIT
#include "own_patient.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "process.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

bool allow_everything() noexcept {
    sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    const sock_fprog program{1, &allow};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

[[noreturn]] void be_patient(pid_t parent, bool filtered, int ready) noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) _exit(0);
    const int error = filtered && !allow_everything() ? errno : 0;
    if (::write(ready, &error, sizeof error) != sizeof error) _exit(0);
    for (;;) ::pause();
}

}  // namespace

OwnPatient::OwnPatient(bool filtered) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (!socket_) throw Error(errno, "socket");
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(errno, "pipe");
    const sys::Fd reading(ends[0]);
    sys::Fd writing(ends[1]);
    const pid_t parent = ::getpid();
    child_.pid = ::fork();
    if (child_.pid < 0) throw Error(errno, "fork");
    if (child_.pid == 0) be_patient(parent, filtered, writing.get());
    writing.reset();
    int error = ECHILD;  // it has ended before it could say anything
    while (::read(reading.get(), &error, sizeof error) < 0 && errno == EINTR) {
    }
    if (error != 0) throw Error(error, "seccomp(2) in a process of our own");
    id_ = proc::read_id(child_.pid).value_or(ProcessId{child_.pid});
}

OwnPatient::Child::~Child() {
    if (pid <= 0) return;
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace unwait
