// SPDX-License-Identifier: MIT
#include "calls.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "namespaces.hpp"

namespace unwait::bpf {
namespace {

int request(bpf_cmd command, bpf_attr& arguments) noexcept {
    return static_cast<int>(::syscall(SYS_bpf, command, &arguments, sizeof arguments));
}

std::uint64_t address_of(const void* object) noexcept {
    return reinterpret_cast<std::uintptr_t>(object);
}

/// A request about one key of a map.
int ask_map(bpf_cmd command, int map, const void* key, const void* value) noexcept {
    bpf_attr arguments{};
    arguments.map_fd = static_cast<std::uint32_t>(map);
    arguments.key = address_of(key);
    arguments.value = address_of(value);  // of BPF_MAP_GET_NEXT_KEY: next_key
    return request(command, arguments);
}

}  // namespace

sys::Fd attach_iterator(int program) noexcept {
    bpf_attr arguments{};
    arguments.link_create.prog_fd = static_cast<std::uint32_t>(program);
    arguments.link_create.attach_type = BPF_TRACE_ITER;
    return sys::Fd(request(BPF_LINK_CREATE, arguments));
}

sys::Fd run_iterator(int link) noexcept {
    bpf_attr arguments{};
    arguments.iter_create.link_fd = static_cast<std::uint32_t>(link);
    return sys::Fd(request(BPF_ITER_CREATE, arguments));
}

sys::Fd attach_tracepoint(int program) noexcept {
    bpf_attr arguments{};
    arguments.raw_tracepoint.prog_fd = static_cast<std::uint32_t>(program);
    return sys::Fd(request(BPF_RAW_TRACEPOINT_OPEN, arguments));
}

int update_map(int map, const void* key, const void* value) noexcept {
    return ask_map(BPF_MAP_UPDATE_ELEM, map, key, value) == 0 ? 0 : errno;
}

int delete_key(int map, const void* key) noexcept {
    return ask_map(BPF_MAP_DELETE_ELEM, map, key, nullptr) == 0 ? 0 : errno;
}

bool look_up(int map, const void* key, void* value) noexcept {
    return ask_map(BPF_MAP_LOOKUP_ELEM, map, key, value) == 0;
}

bool next_key(int map, const void* before, void* key) noexcept {
    return ask_map(BPF_MAP_GET_NEXT_KEY, map, before, key) == 0;
}

std::optional<Unavailable> known_obstacle() {
    // Processes are numbered as in the first one.
    if (!sys::in_first_namespace(sys::NamespaceKind::pid)) {
        return Unavailable{
            "BPF numbers processes as the host does, and this is a pid namespace of "
            "a container: run on the host"};
    }
    if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
        return Unavailable{
            "the kernel does not describe its types: CONFIG_DEBUG_INFO_BTF gives "
            "/sys/kernel/btf/vmlinux"};
    }
    return std::nullopt;
}

Unavailable unavailable(const char* step, int error) {
    switch (error) {
        case EPERM:
        case EACCES:
            return {std::string(step) +
                    " is not permitted: run as root, or with CAP_BPF and CAP_PERFMON"};
        case ENOSYS:
            return {"the kernel has no bpf(2)"};
        default:
            return {std::string(step) + ": " + std::strerror(error)};
    }
}

}  // namespace unwait::bpf
