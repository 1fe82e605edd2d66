// SPDX-License-Identifier: MIT
#include "proc_text.hpp"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blocked_call.hpp"
#include "cgroup.hpp"
#include "fd_info.hpp"
#include "fd_table.hpp"
#include "proc_mount.hpp"
#include "process.hpp"
#include "runtime.hpp"

namespace unwait::proc {
namespace {

using namespace std::string_literals;

/// A stat line with this command: parent 1, flags 4194560, start time 8765.
std::string stat_with(const std::string& command) {
    return "4711 (" + command +
           ") S 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 8765 1024 99 18446744073709551615"
           " 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0\n";
}

TEST_CASE("fds in flight are counted where the kernel tells") {
    CHECK(parse_fds_in_flight("pos:\t0\nino:\t7\nscm_fds: 3\n") == 3);
    CHECK(parse_fds_in_flight("pos:\t0\nino:\t7\n") == 0);
    CHECK(parse_fds_in_flight("scm_fds: -1\n") == 0);
}

TEST_CASE("a command may hold any byte, and ends at the last parenthesis") {
    for (const std::string& command :
         {"nginx"s, ""s, ")"s, "(sd-pam)"s, "a) R 9 (b"s, "two words"s, "line\nbreak"s,
          "\x1b[31mred"s, "\xff\xfe"s, ") S 2 2 2 0 -1 1"s}) {
        CAPTURE(command);
        const auto stat = sys::parse_stat(stat_with(command));
        REQUIRE(stat);
        CHECK(stat->command == command);
        CHECK(stat->pid == 4711);
        CHECK(stat->state == 'S');
        CHECK(stat->parent == 1);
        CHECK(stat->flags == 4194560);
        CHECK(stat->start_time == 8765);
        CHECK_FALSE(stat->is_kernel_thread());
        CHECK_FALSE(stat->is_zombie());
    }
}

TEST_CASE("a stat line is whole or it is none") {
    const std::string line = stat_with("sh");
    const auto last = line.find(" 8765") + 1;
    for (std::size_t length = 0; length < last; ++length) {
        CAPTURE(length);
        CHECK_FALSE(sys::parse_stat(line.substr(0, length)));
    }
    CHECK_FALSE(sys::parse_stat("x (sh) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 5"));
    CHECK_FALSE(sys::parse_stat(") 1 ("));
}

TEST_CASE("kernel threads and zombies are known by their stat line") {
    std::string line = stat_with("kworker/0:1");
    line.replace(line.find("4194560"), 7, "69238880");
    CHECK(sys::parse_stat(line)->is_kernel_thread());
    line = stat_with("gone");
    line.replace(line.find(") S"), 3, ") Z");
    CHECK(sys::parse_stat(line)->is_zombie());
}

TEST_CASE("a field of the status file is found by its whole name") {
    constexpr std::string_view status =
        "Name:\ta\\nUid:\t5\nUmask:\t0022\nTracerPid:\t 12 \nUid:\t1000\t0\t0\t0\nEmpty:\n";
    CHECK(sys::status_field(status, "Uid") == "1000\t0\t0\t0");
    CHECK(sys::status_field(status, "TracerPid") == "12");
    CHECK(sys::status_field(status, "Empty") == "");
    CHECK_FALSE(sys::status_field(status, "Ui"));
    CHECK_FALSE(sys::status_field(status, "Pid"));
    CHECK_FALSE(sys::status_field("", "Uid"));
}

TEST_CASE("the fd limit is the soft one") {
    constexpr std::string_view head = "Limit                     Soft Limit           Hard Limit\n";
    const auto limit = [head](const std::string& line) {
        return parse_fd_limit(std::string(head) + "Max processes  7  7  processes\n" + line);
    };
    CHECK(limit("Max open files            1024                 524288               files\n") ==
          1024);
    CHECK(limit("Max open files            unlimited            unlimited            files\n") ==
          std::numeric_limits<std::uint64_t>::max());
    CHECK(limit("") == 0);
    CHECK(limit("Max open files            many\n") == 0);
}

TEST_CASE("the cgroup is the one that is in use") {
    CHECK(parse_cgroup("0::/system.slice/nginx.service\n") == "/system.slice/nginx.service");
    CHECK(parse_cgroup("0::/\n") == "/");
    CHECK(parse_cgroup("12:pids:/a\n1:name=systemd:/system.slice/ssh.service\n") ==
          "/system.slice/ssh.service");
    CHECK(parse_cgroup("12:pids:/a\n1:name=systemd:/system.slice/ssh.service\n0::/\n") ==
          "/system.slice/ssh.service");
    CHECK(parse_cgroup("1:name=systemd:/init.scope\n0::/system.slice/ssh.service\n") ==
          "/system.slice/ssh.service");
    CHECK(parse_cgroup("0::/a:b:c\n") == "/a:b:c");
    CHECK(parse_cgroup("4:memory:/a\n").empty());
    CHECK(parse_cgroup("").empty());
}

TEST_CASE("each hierarchy of cgroups has a path of its own") {
    constexpr std::string_view text = "5:cpu,freezer:/a:b\n1:name=systemd:/c\n0::/d\n";
    CHECK(sys::cgroup_path(text, "freezer") == "/a:b");
    CHECK(sys::cgroup_path(text, "cpu") == "/a:b");
    CHECK(sys::cgroup_path(text, "name=systemd") == "/c");
    CHECK(sys::cgroup_path(text, "") == "/d");
    CHECK(sys::cgroup_path(text, "memory").empty());
    CHECK(sys::cgroup_path("freezer", "freezer").empty());
    CHECK(sys::cgroup_path("", "").empty());
}

TEST_CASE("the unit is the innermost one of the cgroup's path") {
    const std::vector<std::pair<std::string, std::string>> known = {
        {"/system.slice/nginx.service", "nginx.service"},
        {"/system.slice/nginx.service/worker", "nginx.service"},
        {"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"},
        {R"(/system.slice/system-foo\x2dbar.slice/foo\x2dbar@a\x2db.service)",
         R"(foo\x2dbar@a\x2db.service)"},
        {"/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service", "foo.service"},
        {"/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope"},
        {"/user.slice/user-1000.slice/session-3.scope", "session-3.scope"},
        {"/system.slice/docker-0123456789abcdef.scope", "docker-0123456789abcdef.scope"},
        {"/system.slice/docker.service", "docker.service"},
        {"/docker/0123456789abcdef", ""},
        {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice/"
         "cri-containerd-89ab.scope",
         "cri-containerd-89ab.scope"},
        {"/kubepods/besteffort/pod1234/89ab", ""},
        {"/machine.slice/libpod-12ab.scope/container", "libpod-12ab.scope"},
        {"/system.slice/_cpu.service", "cpu.service"},
        {"/system.slice/cups.socket", "cups.socket"},
        {"/system.slice/dev-hugepages.mount", "dev-hugepages.mount"},
        {"/init.scope", "init.scope"},
        {"/../../system.slice/ssh.service", "ssh.service"},
        {"/system.slice", ""},
        {"/.service", ""},
        {"/", ""},
        {"", ""},
    };
    for (const auto& [path, unit] : known) {
        CAPTURE(path);
        CHECK(unit_of_cgroup(path) == unit);
    }
}

TEST_CASE("only a whole socket link has an inode") {
    CHECK(parse_socket_link("socket:[12345]") == 12345);
    CHECK(parse_socket_link("socket:[18446744073709551615]") ==
          std::numeric_limits<std::uint64_t>::max());
    for (const std::string_view link :
         {"socket:[18446744073709551616]", "socket:[]", "socket:[12", "socket:[1]x", "socket:[-1]",
          "socket:[ 1]", "pipe:[1]", "socket:", "", "/tmp/socket:[1]", "anon_inode:[eventpoll]"}) {
        CAPTURE(link);
        CHECK_FALSE(parse_socket_link(link));
    }
}

TEST_CASE("a set of inodes knows its members, and 0 is none") {
    const std::vector<std::uint64_t> inodes = {7, 15, 23, 7, 0, 1ULL << 40, 8};
    const InodeSet set(inodes);
    CHECK(set.size() == 5);
    for (const std::uint64_t inode : inodes) CHECK(set.contains(inode) == (inode != 0));
    for (const std::uint64_t inode : {1ULL, 16ULL, 31ULL, 1ULL << 41}) CHECK(!set.contains(inode));
    CHECK(InodeSet({}).size() == 0);
    CHECK_FALSE(InodeSet({}).contains(1));
}

TEST_CASE("an epoll set lists its members by number and, where the kernel tells, by inode") {
    constexpr std::string_view text =
        "pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t1038\n"
        "tfd:        3 events:       1f data:                3  pos:0 ino:2f55 sdev:9\n"
        "tfd:        5 events:       19 data:         ino:7f00 \n"
        "tfd:        6 events:       19 data: ffffffffffffffff\n";
    const auto members = parse_epoll_fdinfo(text);
    REQUIRE(members.size() == 3);
    CHECK(members[0] == EpollMember{3, 0x2f55});
    CHECK(members[1].fd == 5);
    CHECK(members[2] == EpollMember{6, std::nullopt});
    CHECK(parse_epoll_fdinfo("tfd: x events: 1\ntfd:\n\n").empty());
}

TEST_CASE("an io_uring lists its registered sockets") {
    constexpr std::string_view text =
        "SqMask:\t0x7\nUserFiles:\t4\n    0: socket:[4711]\n    1: /etc/passwd\n"
        "    3: socket:[4712]\nUserBufs:\t1\n    0: socket:[9]\nPollList:\n";
    CHECK(parse_io_uring_fdinfo(text) == RegisteredSockets{{4711, 4712}, 0});
    CHECK(parse_io_uring_fdinfo("UserFiles:\t0\nUserBufs:\t0\n") == RegisteredSockets{});
    CHECK(parse_io_uring_fdinfo("0: socket:[1]\n") == RegisteredSockets{});
    CHECK(parse_io_uring_fdinfo("UserFiles:\t3\n    0: TCP\n    1: <none>\n    2: TCPv6\n") ==
          RegisteredSockets{{}, 2});
}

TEST_CASE("close-on-exec is a flag among the others") {
    CHECK(parse_close_on_exec("pos:\t0\nflags:\t02000002\nmnt_id:\t9\n") == true);
    CHECK(parse_close_on_exec("pos:\t0\nflags:\t02\n") == false);
    CHECK_FALSE(parse_close_on_exec("pos:\t0\n"));
    CHECK_FALSE(parse_close_on_exec("flags:\t9\n"));
}

TEST_CASE("a blocked call has a number and six arguments") {
    const auto call = parse_syscall("0 0x5 0x7ffe 0x2000 0x1000 0x0 0xffffffffffffffff 0x7 0x8\n");
    REQUIRE(call);
    CHECK(call->number == 0);
    CHECK(call->arguments ==
          std::array<std::uint64_t, 6>{5, 0x7ffe, 0x2000, 0x1000, 0,
                                       std::numeric_limits<std::uint64_t>::max()});
    for (const std::string_view text :
         {"running\n", "-1 0x7ffe 0x7fff\n", "", "0 0x5\n", "0 5 6 7 8 9 10\n",
          "0 0x5 0x1 0x1 0x1 0x1 0x10000000000000000 0x7 0x8\n", "0 0x5 0x1 0x1 0x1 0x1 0x\n"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_syscall(text));
    }
}

TEST_CASE("fds in registers need no look into memory") {
    const auto awaited = [](long number) { return fds_awaited(0, {number, {5, 6, 7, 8, 9, 10}}); };
    CHECK(awaited(SYS_read) == std::vector{5});
    CHECK(awaited(SYS_accept4) == std::vector{5});
    CHECK(awaited(SYS_splice) == std::vector{5, 7});
    CHECK(awaited(SYS_futex) == std::vector<int>{});
}

TEST_CASE("hidepid hides unless it only denies, and the last mount counts") {
    const auto options = [](const std::string& text) {
        return parse_hiding("proc /proc proc " + text + " 0 0\n");
    };
    CHECK_FALSE(options("rw,relatime").hides);
    CHECK_FALSE(options("rw,hidepid=0").hides);
    CHECK_FALSE(options("rw,hidepid=noaccess").hides);
    CHECK(options("rw,hidepid=2").hides);
    CHECK(options("rw,gid=4,hidepid=invisible").hides);
    CHECK(options("rw,gid=4,hidepid=invisible").group == gid_t{4});
    CHECK(options("rw,hidepid=ptraceable").hides);
    CHECK_FALSE(parse_hiding("proc /chroot/proc proc hidepid=2 0 0\n").hides);
    CHECK_FALSE(parse_hiding("proc /proc proc hidepid=2 0 0\nproc /proc proc rw 0 0\n").hides);
}

TEST_CASE("a runtime is known by its program or its libraries") {
    CHECK(runtime_of_exe("/usr/bin/node") == Runtime::node);
    CHECK(runtime_of_exe("/usr/bin/node (deleted)") == Runtime::node);
    CHECK(runtime_of_exe("/usr/bin/node_exporter") == Runtime::native);
    CHECK(runtime_of_exe("/usr/bin/python3.11") == Runtime::cpython);
    CHECK(runtime_of_exe("") == Runtime::native);
    const auto maps = [](const std::string& path) {
        return runtime_of_maps("7f00-7f01 r-xp 00000000 08:01 12345    " + path + "\n");
    };
    CHECK(maps("/usr/lib/jvm/java-17/lib/server/libjvm.so") == Runtime::jvm);
    CHECK(maps("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0") == Runtime::cpython);
    CHECK(maps("/usr/lib/x86_64-linux-gnu/libuv.so.1.0.0") == Runtime::node);
    CHECK(maps("/usr/lib/x86_64-linux-gnu/libc.so.6") == Runtime::native);
}

}  // namespace
}  // namespace unwait::proc
