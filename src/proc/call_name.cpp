// SPDX-License-Identifier: MIT
#include "call_name.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace unwait::proc {
namespace {

struct Name {
    long number;
    std::string_view name;
};

constexpr auto names = std::to_array<Name>({
    {SYS_read, "read"},
    {SYS_readv, "readv"},
    {SYS_pread64, "pread64"},
    {SYS_preadv, "preadv"},
    {SYS_preadv2, "preadv2"},
    {SYS_write, "write"},
    {SYS_writev, "writev"},
    {SYS_pwrite64, "pwrite64"},
    {SYS_pwritev, "pwritev"},
    {SYS_pwritev2, "pwritev2"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_recvmsg, "recvmsg"},
    {SYS_recvmmsg, "recvmmsg"},
    {SYS_sendto, "sendto"},
    {SYS_sendmsg, "sendmsg"},
    {SYS_sendmmsg, "sendmmsg"},
    {SYS_sendfile, "sendfile"},
    {SYS_splice, "splice"},
    {SYS_accept, "accept"},
    {SYS_accept4, "accept4"},
    {SYS_connect, "connect"},
    {SYS_close, "close"},
    {SYS_shutdown, "shutdown"},
    {SYS_openat, "openat"},
    {SYS_flock, "flock"},
    {SYS_fcntl, "fcntl"},
    {SYS_ioctl, "ioctl"},
    {SYS_fsync, "fsync"},
    {SYS_fdatasync, "fdatasync"},
    {SYS_bind, "bind"},
    {SYS_dup, "dup"},
    {SYS_dup3, "dup3"},
    {SYS_epoll_ctl, "epoll_ctl"},
    {SYS_fstat, "fstat"},
    {SYS_newfstatat, "newfstatat"},
    {SYS_statx, "statx"},
    {SYS_getpeername, "getpeername"},
    {SYS_getsockname, "getsockname"},
    {SYS_getsockopt, "getsockopt"},
    {SYS_setsockopt, "setsockopt"},
    {SYS_listen, "listen"},
    {SYS_lseek, "lseek"},
    {SYS_tee, "tee"},
    {SYS_ppoll, "ppoll"},
    {SYS_pselect6, "pselect6"},
    {SYS_epoll_pwait, "epoll_pwait"},
    {SYS_epoll_pwait2, "epoll_pwait2"},
    {SYS_io_uring_enter, "io_uring_enter"},
    {SYS_io_getevents, "io_getevents"},
    {SYS_futex, "futex"},
#ifdef SYS_futex_waitv
    {SYS_futex_waitv, "futex_waitv"},
#endif
    {SYS_nanosleep, "nanosleep"},
    {SYS_clock_nanosleep, "clock_nanosleep"},
    {SYS_restart_syscall, "restart_syscall"},
    {SYS_rt_sigsuspend, "rt_sigsuspend"},
    {SYS_rt_sigtimedwait, "rt_sigtimedwait"},
    {SYS_wait4, "wait4"},
    {SYS_waitid, "waitid"},
    {SYS_semop, "semop"},
    {SYS_semtimedop, "semtimedop"},
    {SYS_msgrcv, "msgrcv"},
    {SYS_msgsnd, "msgsnd"},
    {SYS_mq_timedreceive, "mq_timedreceive"},
    {SYS_mq_timedsend, "mq_timedsend"},
    {SYS_execve, "execve"},
    {SYS_exit_group, "exit_group"},
#ifdef SYS_poll
    {SYS_dup2, "dup2"},
    {SYS_poll, "poll"},
    {SYS_select, "select"},
    {SYS_epoll_wait, "epoll_wait"},
    {SYS_pause, "pause"},
    {SYS_open, "open"},
    {SYS_vfork, "vfork"},
#endif
});

struct FdArgument {
    long number;
    int argument;
};

constexpr auto first_arguments = std::to_array<long>({
    SYS_read,       SYS_readv,       SYS_pread64,     SYS_preadv,     SYS_preadv2,    SYS_write,
    SYS_writev,     SYS_pwrite64,    SYS_pwritev,     SYS_pwritev2,   SYS_recvfrom,   SYS_recvmsg,
    SYS_recvmmsg,   SYS_sendto,      SYS_sendmsg,     SYS_sendmmsg,   SYS_sendfile,   SYS_splice,
    SYS_tee,        SYS_accept,      SYS_accept4,     SYS_connect,    SYS_close,      SYS_shutdown,
    SYS_flock,      SYS_fcntl,       SYS_ioctl,       SYS_fsync,      SYS_fdatasync,  SYS_bind,
    SYS_listen,     SYS_dup,         SYS_dup3,        SYS_fstat,      SYS_newfstatat, SYS_statx,
    SYS_getsockopt, SYS_getpeername, SYS_getsockname, SYS_setsockopt, SYS_lseek,
#ifdef SYS_poll
    SYS_dup2,
#endif
});

constexpr auto later_arguments = std::to_array<FdArgument>({
    {SYS_dup3, 1},
    {SYS_sendfile, 1},
    {SYS_tee, 1},
    {SYS_splice, 2},
    {SYS_epoll_ctl, 2},
#ifdef SYS_poll
    {SYS_dup2, 1},
#endif
});

}  // namespace

bool takes_fd(long number, int argument) {
    if (argument == 0) {
        return std::ranges::find(first_arguments, number) != first_arguments.end();
    }
    return std::ranges::any_of(later_arguments, [&](const FdArgument& each) {
        return each.number == number && each.argument == argument;
    });
}

std::string call_name(long number) {
    const auto* const found = std::ranges::find(names, number, &Name::number);
    return found == names.end() ? "call " + std::to_string(number) : std::string(found->name);
}

}  // namespace unwait::proc
