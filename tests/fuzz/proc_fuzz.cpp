// SPDX-License-Identifier: MIT
#include <sys/mman.h>
#include <unistd.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "blocked_call.hpp"
#include "cgroup.hpp"
#include "container.hpp"
#include "fd.hpp"
#include "fd_info.hpp"
#include "fd_table.hpp"
#include "network_namespaces.hpp"
#include "proc_mount.hpp"
#include "process.hpp"
#include "runtime.hpp"

using namespace unwait;

namespace {

void check_stat(std::string_view text) {
    const auto stat = sys::parse_stat(text);
    if (!stat) return;
    assert(stat->pid >= 0 && stat->parent >= 0);
    // What follows the command has no parenthesis: the command took them all.
    const auto end = text.rfind(')');
    assert(stat->command.size() + 2 < end + 1);
    assert(text.substr(end - stat->command.size(), stat->command.size()) == stat->command);
}

void check_cgroup(std::string_view text) {
    const std::string path = proc::parse_cgroup(text);
    assert(path.find('\n') == std::string::npos);
    const std::string unit = proc::unit_of_cgroup(path);
    assert(unit.find('/') == std::string::npos);
    assert(unit.empty() || path.find(unit) != std::string::npos);
    const proc::Container container = proc::container_of_cgroup(path);
    assert(container.id.empty() == container.runtime.empty());
    assert(container.id.size() <= path.size());
}

void check_network(std::string_view text) {
    if (const auto mount = proc::parse_namespace_mount(text)) {
        assert(!mount->path.empty() && mount->path.size() <= text.size());
    }
    static_cast<void>(proc::parse_inner_pid(text));
}

void check_link(std::string_view text) {
    const auto inode = proc::parse_socket_link(text);
    if (!inode) return;
    const std::string link = "socket:[" + std::to_string(*inode) + "]";
    assert(proc::parse_socket_link(link) == inode && link.size() <= text.size());
}

void check_fdinfo(std::string_view text) {
    for (const auto& member : proc::parse_epoll_fdinfo(text)) assert(member.fd >= 0);
    assert(proc::parse_io_uring_fdinfo(text).inodes.size() <= text.size() / 12);
    static_cast<void>(proc::parse_close_on_exec(text));
}

void check_call(std::string_view text) {
    const auto call = proc::parse_syscall(text);
    assert(!call || call->number >= 0);
}

void check_program(const std::uint8_t* data, std::size_t size) {
    static const sys::Fd file(::memfd_create("program", MFD_CLOEXEC));
    const bool written = ::ftruncate(file.get(), 0) == 0 &&
                         ::pwrite(file.get(), data, size, 0) == static_cast<ssize_t>(size);
    assert(written);
    static_cast<void>(proc::has_go_mark(file.get()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_stat(text);
    check_cgroup(text);
    check_link(text);
    check_network(text);
    check_fdinfo(text);
    check_call(text);
    if (text.starts_with("\x7f"
                         "ELF"))
        check_program(data, size);
    const auto field = sys::status_field(text, "Uid");
    assert(!field || field->size() < size);
    static_cast<void>(proc::parse_fd_limit(text));
    static_cast<void>(proc::parse_hiding(text));
    static_cast<void>(proc::runtime_of_maps(text));
    return 0;
}
