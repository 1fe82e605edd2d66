// SPDX-License-Identifier: MIT
#include "held_file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "operating.hpp"

namespace unwait::test {
namespace {

constexpr pid_t nobody = 0;

/// Who answers the kernel (linux/fuse.h), in a process of its own: the test itself closes the file,
/// too.
class Server {
public:
    Server(int device, int orders) : device_(device), orders_(orders) {}

    [[noreturn]] void serve() {
        for (;;) {
            std::array<pollfd, 2> waits{pollfd{device_, POLLIN, 0}, pollfd{orders_, POLLIN, 0}};
            if (::poll(waits.data(), waits.size(), -1) < 0) ::_exit(1);
            if (waits[1].revents != 0) obey();
            if (waits[0].revents != 0) answer_one();
        }
    }

private:
    void obey() {
        if (::read(orders_, &held_thread_, sizeof held_thread_) != sizeof held_thread_) ::_exit(1);
        if (held_thread_ == nobody) reply(held_call_, 0);
    }

    void answer_one() {
        alignas(fuse_in_header) std::array<char, FUSE_MIN_READ_BUFFER> bytes;
        if (::read(device_, bytes.data(), bytes.size()) <= 0) ::_exit(1);
        fuse_in_header request{};
        std::memcpy(&request, bytes.data(), sizeof request);
        switch (request.opcode) {
            case FUSE_INIT: {
                fuse_init_out start{};
                start.major = FUSE_KERNEL_VERSION;
                start.minor = FUSE_KERNEL_MINOR_VERSION;
                start.max_write = 4096;
                return reply(request.unique, 0, start);
            }
            case FUSE_GETATTR: {
                fuse_attr_out attributes{};
                attributes.attr_valid = UINT32_MAX;
                attributes.attr.ino = FUSE_ROOT_ID;
                attributes.attr.mode = S_IFREG | 0600;
                attributes.attr.nlink = 1;
                return reply(request.unique, 0, attributes);
            }
            case FUSE_OPEN:
                return reply(request.unique, 0, fuse_open_out{});
            case FUSE_FLUSH:
                if (static_cast<pid_t>(request.pid) != held_thread_) {
                    return reply(request.unique, 0);
                }
                held_call_ = request.unique;
                if (::write(orders_, &held_thread_, sizeof held_thread_) < 0) ::_exit(1);
                return;
            case FUSE_RELEASE:
                return reply(request.unique, 0);
            case FUSE_FORGET:
            case FUSE_BATCH_FORGET:
            case FUSE_INTERRUPT:
                return;
            default:
                return reply(request.unique, -ENOSYS);
        }
    }

    template <typename... Result>
    void reply(std::uint64_t call, int error, Result... result) {
        fuse_out_header header{static_cast<std::uint32_t>((sizeof header + ... + sizeof result)),
                               error, call};
        std::array parts{iovec{&header, sizeof header}, iovec{&result, sizeof result}...};
        // ENOENT: whoever asked has been killed.
        if (::writev(device_, parts.data(), parts.size()) < 0 && errno != ENOENT) ::_exit(1);
    }

    int device_;
    int orders_;
    pid_t held_thread_ = nobody;
    std::uint64_t held_call_ = 0;
};

void set(const sys::Fd& file_system, const char* key, const std::string& value) {
    REQUIRE(::fsconfig(file_system.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0);
}

}  // namespace

HeldFile::HeldFile() {
    // First, as it loads the module that makes the device.
    const sys::Fd file_system(::fsopen("fuse", FSOPEN_CLOEXEC));
    REQUIRE(file_system);
    const sys::Fd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    REQUIRE(device);
    set(file_system, "fd", std::to_string(device.get()));
    set(file_system, "rootmode", "100600");
    set(file_system, "user_id", "0");
    set(file_system, "group_id", "0");
    REQUIRE(::fsconfig(file_system.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0);
    mount_ = sys::Fd(::fsmount(file_system.get(), FSMOUNT_CLOEXEC, 0));
    REQUIRE(mount_);
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    orders_ = sys::Fd(ends[0]);
    const sys::Fd servers_end(ends[1]);
    server_ = ::fork();
    REQUIRE(server_ >= 0);
    if (server_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        Server(device.get(), servers_end.get()).serve();
    }
}

HeldFile::~HeldFile() {
    ::kill(server_, SIGKILL);
    ::waitpid(server_, nullptr, 0);
}

std::string HeldFile::path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(mount_.get());
}

void HeldFile::hold_close_by(pid_t tid) const {
    REQUIRE(::write(orders_.get(), &tid, sizeof tid) == sizeof tid);
}

void HeldFile::await_close() const {
    constexpr int most_ms = 60'000 * slowness;
    pollfd wait{orders_.get(), POLLIN, 0};
    REQUIRE(::poll(&wait, 1, most_ms) == 1);
    pid_t tid = nobody;
    REQUIRE(::read(orders_.get(), &tid, sizeof tid) == sizeof tid);
}

void HeldFile::let_close_end() const { hold_close_by(nobody); }

}  // namespace unwait::test
