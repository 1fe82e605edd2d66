// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "blocked.hpp"
#include "scenarios.hpp"

namespace victim {
namespace {

std::size_t unread_bytes(int fd) {
    int count = 0;
    must(ioctl(fd, FIONREAD, &count), "FIONREAD");
    return static_cast<std::size_t>(count);
}

std::array<int, 2> empty_pipe() {
    std::array<int, 2> ends{};
    must(pipe2(ends.data(), O_CLOEXEC), "pipe2");
    return ends;
}

std::size_t capacity_of(int pipe) {
    return static_cast<std::size_t>(must(fcntl(pipe, F_GETPIPE_SZ), "F_GETPIPE_SZ"));
}

/// More than any pipe has room for.
constexpr std::size_t long_file = 4 << 20;

void write_long(Stage& stage) {
    const auto [out, in] = empty_pipe();
    const auto work = [in = in] {
        const std::vector<char> data(long_file);
        return write(in, data.data(), data.size());
    };
    block_in(stage, {"write", SYS_write, work});
    await([out = out, in = in] { return unread_bytes(out) == capacity_of(in); }, "a full pipe");
}

void send_long_file(Stage& stage) {
    const int file = must(memfd_create("long", MFD_CLOEXEC), "memfd_create");
    must(ftruncate(file, long_file), "ftruncate");
    const auto [out, in] = empty_pipe();
    block_in(stage, {"sendfile", SYS_sendfile,
                     [=, in = in] { return sendfile(in, file, nullptr, long_file); }});
    await([out = out, in = in] { return unread_bytes(out) == capacity_of(in); }, "a full pipe");
}

void receive_all(Stage& stage) {
    std::array<int, 2> ends{};
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
    must(send(ends[1], "x", 1, 0), "send");
    const auto work = [fd = ends[0]] {
        std::array<char, 100> data{};
        return recv(fd, data.data(), data.size(), MSG_WAITALL);
    };
    block_in(stage, {"recv", SYS_recvfrom, work});
    await([&ends] { return unread_bytes(ends[0]) == 0; }, "what was sent to be taken");
}

/// A request that is never done.
void submit(int ring, const io_uring_params& shape) {
    const auto map = [ring](std::size_t size, off_t what) {
        void* memory =
            mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
        if (memory == MAP_FAILED) fail("mmap of a ring");
        return static_cast<char*>(memory);
    };
    auto* entries = reinterpret_cast<io_uring_sqe*>(
        map(shape.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    entries[0] = {};
    entries[0].opcode = IORING_OP_POLL_ADD;
    entries[0].fd = must(eventfd(0, EFD_CLOEXEC), "eventfd");
    entries[0].poll32_events = POLLIN;
    char* queue =
        map(shape.sq_off.array + shape.sq_entries * sizeof(std::uint32_t), IORING_OFF_SQ_RING);
    *reinterpret_cast<std::uint32_t*>(queue + shape.sq_off.array) = 0;
    __atomic_store_n(reinterpret_cast<std::uint32_t*>(queue + shape.sq_off.tail), 1,
                     __ATOMIC_RELEASE);
}

void submit_and_wait(Stage& stage) {
    io_uring_params shape{};
    const auto ring =
        static_cast<int>(must(syscall(SYS_io_uring_setup, 1, &shape), "io_uring_setup"));
    submit(ring, shape);
    block_in(stage, {"io_uring_enter", SYS_io_uring_enter, [ring] {
                         return syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS,
                                        nullptr, 0);
                     }});
}

long futex(std::uint32_t& word, int operation, long count, std::uint32_t* other = nullptr) {
    return syscall(SYS_futex, &word, operation, 0, count, other, 0);
}

/// Waits at one futex and is moved to another. `wake first|second` tells whether it was found
/// there.
void wait_and_be_moved(Stage& stage) {
    static std::uint32_t first = 0;
    static std::uint32_t second = 0;
    block_in(stage, {"futex", SYS_futex, [] { return futex(first, FUTEX_WAIT, 0); }});
    await([] { return futex(first, FUTEX_CMP_REQUEUE, 1, &second) == 1; }, "a waiter to move");
    stage.answer("wake", [](const std::string& which) {
        return std::to_string(futex(which == "first" ? first : second, FUTEX_WAKE, 1));
    });
}

/// `remains`: the seconds that the kernel has told of so far.
void sleep_long(Stage& stage) {
    static timespec remains{};
    block_in(stage, {"nanosleep", SYS_nanosleep, [] {
                         const timespec hour{3600, 0};
                         return syscall(SYS_nanosleep, &hour, &remains);
                     }});
    stage.answer("remains", [](const std::string&) { return std::to_string(remains.tv_sec); });
}

/// From now on getppid() of the calling thread is for a supervisor to answer; its fd.
int give_to_supervisor() {
    std::array<sock_filter, 4> program{
        {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
         {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid},
         {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
         {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
    const sock_fprog filter{program.size(), program.data()};
    return static_cast<int>(must(
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter),
        "seccomp"));
}

/// `asked`: how often the supervisor has been.
void wait_for_supervisor(Stage& stage) {
    static std::atomic<int> supervisor{-1};
    block_in(stage, {"getppid", SYS_getppid, [] {
                         supervisor = give_to_supervisor();
                         return syscall(SYS_getppid);
                     }});
    stage.answer("asked", [count = 0](const std::string&) mutable {
        for (pollfd asked{supervisor, POLLIN, 0}; must(poll(&asked, 1, 0), "poll") == 1; ++count) {
            seccomp_notif question{};
            must(ioctl(supervisor, SECCOMP_IOCTL_NOTIF_RECV, &question),
                 "SECCOMP_IOCTL_NOTIF_RECV");
        }
        return std::to_string(count);
    });
}

/// Threads in calls that have done some of their work when they block; `results` tells how each is
/// doing, `capacity` how many bytes of the long ones have been moved.
void midway(Stage& stage, const Arguments&) {
    write_long(stage);
    send_long_file(stage);
    receive_all(stage);
    submit_and_wait(stage);
    wait_and_be_moved(stage);
    sleep_long(stage);
    wait_for_supervisor(stage);
    stage.tell("capacity", capacity_of(empty_pipe()[0]));
}

constexpr std::array table{NamedScenario{"midway", midway}};

}  // namespace

std::span<const NamedScenario> midway_scenarios() { return table; }

}  // namespace victim
