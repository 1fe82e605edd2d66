// SPDX-License-Identifier: MIT
#include "process.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "cgroup.hpp"
#include "fd_links.hpp"
#include "file.hpp"
#include "holders.hpp"
#include "pidfd.hpp"
#include "proc_mount.hpp"
#include "scan.hpp"
#include "unwait/error.hpp"
#include "victim.hpp"

namespace unwait::proc {
namespace {

using namespace unwait::testing;
using namespace std::string_literals;
using test::Victim;

TEST_CASE("a holder is described as its own /proc files describe it") {
    Victim victim({"close-wait"});
    const Holder holder = only_holder(victim.number("inode"));
    const Process& process = *holder.process;
    const std::string directory = "/proc/" + std::to_string(victim.pid());
    CHECK(process.id == read_id(victim.pid()));
    CHECK(process.command == "victim");
    CHECK(process.exe == sys::read_link(directory + "/exe"));
    CHECK(process.uid == 0);
    CHECK(process.user == "root");
    CHECK(process.cgroup == parse_cgroup(sys::read_file(directory + "/cgroup").value()));
    struct stat netns {};
    REQUIRE(::stat((directory + "/ns/net").c_str(), &netns) == 0);
    CHECK(process.netns == netns.st_ino);
    CHECK(netns_of(victim.pid()) == netns.st_ino);
    CHECK(process.tracer == 0);
    CHECK(process.fd_count == victim.fds().size());
    CHECK(process.fd_limit == parse_fd_limit(sys::read_file(directory + "/limits").value()));
    CHECK(process.fd_limit > 0);
    CHECK(process.runtime == Runtime::native);
    REQUIRE(holder.fds.size() == 1);
    CHECK(holder.fds.front().fd == victim.fd());
    CHECK(holder.fds.front().tid == victim.pid());
    CHECK(holder.fds.front().use == FdUse{});
    CHECK(is_close_on_exec(victim.pid(), holder.fds.front()));
    CHECK(read_process(victim.pid())->id == process.id);
}

TEST_CASE("a command name may hold any byte") {
    for (const std::string& name : {") S 1 1"s, "a\nb"s, "\x1b[31mx"s, "\xff\xc3("s}) {
        CAPTURE(name);
        const Victim victim({"close-wait", "name=" + name});
        CHECK(only_holder(victim.number("inode")).process->command == name);
    }
}

TEST_CASE("a traced holder names its tracer") {
    const Victim victim({"traced"});
    const auto tracer = static_cast<pid_t>(victim.number("tracer"));
    const auto holders = holders_of(victim.number("inode"));  // the tracer is a fork of the victim
    CHECK(holders.size() == 2);
    for (const Holder& holder : holders) {
        CHECK(holder.process->tracer == (holder.process->id.pid == tracer ? 0 : tracer));
    }
}

TEST_CASE("a process that has gone is absent, not an error") {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK_FALSE(read_process(child));
    CHECK_FALSE(read_stat(child));
    CHECK_FALSE(read_id(child));
    CHECK(ancestors_of(child).empty());
    CHECK(netns_of(child) == 0);
    CHECK(FdLinks(child, child).leads_to(0, 1) == false);
    CHECK_FALSE(sys::PidFd::open(child));
}

TEST_CASE("ancestors lead from the parent to pid 1") {
    const auto ancestors = ancestors_of(::getpid());
    REQUIRE_FALSE(ancestors.empty());
    CHECK(ancestors.front() == ::getppid());
    CHECK(ancestors.back() == 1);
}

TEST_CASE("the boot id is the kernel's") {
    CHECK(boot_id() + "\n" == sys::read_file("/proc/sys/kernel/random/boot_id"));
}

TEST_CASE("a /proc that is none, or of others, is refused") {
    CHECK(open_proc());
    CHECK_FALSE(hides_processes());
    const int verdict = in_child([] {
        if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) return 2;
        return in_child([] {
            try {
                static_cast<void>(scan_holders(std::array<std::uint64_t, 1>{1}, false));
            } catch (const std::system_error& error) {
                return error.code().value() == ESRCH ? 0 : 1;
            }
            return 1;
        });
    });
    CHECK(verdict == 0);
}

}  // namespace
}  // namespace unwait::proc
