// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "blocking_calls.hpp"

namespace victim {
namespace {

struct Pipe {
    int out;
    int in;
};

Pipe empty_pipe() {
    std::array<int, 2> ends{};
    must(pipe2(ends.data(), O_CLOEXEC), "pipe2");
    return {ends[0], ends[1]};
}

Pipe full_pipe() {
    const Pipe pipe = empty_pipe();
    const int size = must(fcntl(pipe.in, F_GETPIPE_SZ), "F_GETPIPE_SZ");
    const std::string data(static_cast<std::size_t>(size), 'x');
    must(write(pipe.in, data.data(), data.size()), "write");
    return pipe;
}

void add_pipe_calls(BlockingCalls& calls) {
    calls.add("read_pipe", SYS_read, empty_pipe().out, calls.buffer(), 1);
    calls.add("readv_pipe", SYS_readv, empty_pipe().out, calls.keep(iovec{calls.buffer(), 1}), 1);
    calls.add("write_pipe", SYS_write, full_pipe().in, calls.buffer(), 1);
    calls.add("splice", SYS_splice, empty_pipe().out, nullptr, empty_pipe().in, nullptr, 1, 0);
    calls.add("tee", SYS_tee, empty_pipe().out, empty_pipe().in, 1, 0);
    calls.add("vmsplice", SYS_vmsplice, full_pipe().in, calls.keep(iovec{calls.buffer(), 1}), 1, 0);
}

/// Its path is removed at once for all but the FIFO, which is opened by it.
std::string scratch_directory() {
    std::string path = "/tmp/victim-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) fail("mkdtemp");
    return path;
}

void add_lock_calls(BlockingCalls& calls) {
    const std::string directory = scratch_directory();
    const std::string path = directory + "/locked";
    const auto open_file = [&path] {
        return must(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open");
    };
    must(flock(open_file(), LOCK_EX), "flock");
    calls.add("flock", SYS_flock, open_file(), LOCK_EX);
    const struct flock whole { F_WRLCK, SEEK_SET, 0, 1, 0 };
    struct flock first = whole;
    must(fcntl(open_file(), F_OFD_SETLK, &first), "F_OFD_SETLK");
    calls.add("fcntl_ofd_setlkw", SYS_fcntl, open_file(), F_OFD_SETLKW, calls.keep(whole));
    // A process does not exclude itself; the other description's lock does.
    calls.add("fcntl_setlkw", SYS_fcntl, open_file(), F_SETLKW, calls.keep(whole));
    must(unlink(path.c_str()), "unlink");
    must(rmdir(directory.c_str()), "rmdir");
}

/// An open that waits for the other end, of a FIFO that only this process can still name.
void add_fifo_call(BlockingCalls& calls) {
    const std::string directory = scratch_directory();
    const std::string path = directory + "/fifo";
    must(mkfifo(path.c_str(), 0600), "mkfifo");
    const int handle = must(open(path.c_str(), O_PATH | O_CLOEXEC), "open");
    must(unlink(path.c_str()), "unlink");
    must(rmdir(directory.c_str()), "rmdir");
    const std::string* name = calls.keep("/proc/self/fd/" + std::to_string(handle));
    calls.add("open_fifo", SYS_openat, AT_FDCWD, name->c_str(), O_RDONLY | O_CLOEXEC, 0);
}

int terminal() {
    const int master = must(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt");
    must(grantpt(master), "grantpt");
    must(unlockpt(master), "unlockpt");
    return must(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "TIOCGPTPEER");
}

int fault_file() {
    const auto fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
    must(fd, "userfaultfd");
    uffdio_api api{};
    api.api = UFFD_API;
    must(ioctl(fd, UFFDIO_API, &api), "UFFDIO_API");
    return fd;
}

void add_event_file_calls(BlockingCalls& calls) {
    calls.add("read_eventfd", SYS_read, must(eventfd(0, EFD_CLOEXEC), "eventfd"), calls.buffer(),
              8);
    const int full = must(eventfd(0, EFD_CLOEXEC), "eventfd");
    must(eventfd_write(full, 0xFFFFFFFFFFFFFFFE), "eventfd_write");
    calls.add("write_eventfd", SYS_write, full, calls.keep<std::uint64_t>(1), 8);
    calls.add("read_timerfd", SYS_read,
              must(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create"), calls.buffer(),
              8);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR2);
    calls.add("read_signalfd", SYS_read, must(signalfd(-1, &signals, SFD_CLOEXEC), "signalfd"),
              calls.buffer(), 1024);
    calls.add("read_inotify", SYS_read, must(inotify_init1(IN_CLOEXEC), "inotify_init1"),
              calls.buffer(), 1024);
    calls.add("read_fanotify", SYS_read,
              must(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY), "fanotify_init"),
              calls.buffer(), 1024);
    calls.add("read_userfaultfd", SYS_read, fault_file(), calls.buffer(), sizeof(uffd_msg));
    calls.add("read_terminal", SYS_read, terminal(), calls.buffer(), 1);
}

}  // namespace

void add_file_calls(BlockingCalls& calls) {
    add_pipe_calls(calls);
    add_lock_calls(calls);
    add_fifo_call(calls);
    add_event_file_calls(calls);
}

}  // namespace victim
