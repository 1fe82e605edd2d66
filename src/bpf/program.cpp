// SPDX-License-Identifier: MIT
#include "program.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "namespaces.hpp"

namespace unwait::bpf {

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

std::variant<Object, Unavailable> load(std::span<const std::uint8_t> file) {
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
    libbpf_set_print(nullptr);
    bpf_object_open_opts options{};
    options.sz = sizeof options;
    options.object_name = "unwait";
    Object object(bpf_object__open_mem(file.data(), file.size(), &options));
    if (!object) return unavailable("open of the BPF program", errno);
    if (const int error = -bpf_object__load(object.get()); error != 0) {
        return unavailable("load of the BPF program", error);
    }
    return object;
}

}  // namespace unwait::bpf
