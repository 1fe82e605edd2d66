// SPDX-License-Identifier: MIT
#include "filter_names.hpp"

#include <linux/magic.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <sstream>
#include <string>

#include "file.hpp"
#include "text.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

/// A device by name; where none has it, digits are an index, as for ss(8).
std::optional<std::uint32_t> device_index(const std::string& name) {
    if (const unsigned index = ::if_nametoindex(name.c_str()); index != 0) return index;
    const auto number = parse_number(name);
    if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

/// Where the unified hierarchy is mounted; empty when it is not.
std::string cgroup_mount() {
    std::istringstream mounts(sys::read_file("/proc/self/mounts").value_or(""));
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string device, directory, type;
        if (words >> device >> directory >> type && type == "cgroup2") return directory;
    }
    return "";
}

/// The inode of its directory: what the kernel numbers cgroups by where inodes have 64 bits. Absent
/// when there is no such cgroup.
std::optional<std::uint64_t> cgroup_id(const std::string& path, const std::string& mount) {
    const bool is_whole = path.starts_with(mount + "/") || path == mount;
    const std::string directory = is_whole ? path : mount + path;
    struct stat status {};
    struct statfs filesystem {};
    if (mount.empty()) {
        throw Error(ENOENT, "cgroup " + path + " of a filter: cgroup2 is not mounted");
    }
    if (::stat(directory.c_str(), &status) != 0) {
        if (errno == ENOENT) return std::nullopt;
        throw Error(errno, "cgroup " + path + " of a filter: stat of " + directory);
    }
    if (::statfs(directory.c_str(), &filesystem) != 0 || filesystem.f_type != CGROUP2_SUPER_MAGIC ||
        !S_ISDIR(status.st_mode)) {
        throw Error(ENOTDIR, "cgroup " + path + " of a filter: " + directory + " in cgroup2");
    }
    return status.st_ino;
}

/// ip(7), ip_local_port_range.
PortRange automatic_ports() {
    const char* path = "/proc/sys/net/ipv4/ip_local_port_range";
    PortRange range;
    std::istringstream text(sys::read_file(path).value_or(""));
    if (!(text >> range.first >> range.last)) {
        throw Error(EBADMSG, std::string("autobound of a filter: ") + path);
    }
    return range;
}

}  // namespace

Services read_services() { return Services(sys::read_file("/etc/services").value_or("")); }

FilterNames look_up(FilterNames names) {
    for (auto& [name, index] : names.devices) index = device_index(name);
    if (!names.cgroups.empty()) {
        const std::string mount = cgroup_mount();
        for (auto& [path, id] : names.cgroups) id = cgroup_id(path, mount);
    }
    if (names.automatic_ports) names.automatic_ports = automatic_ports();
    return names;
}

void require_names(std::span<const FilterNames> namespaces) {
    if (namespaces.empty()) return;
    for (const auto& [name, _] : namespaces.front().devices) {
        const bool found =
            std::ranges::any_of(namespaces, [&name = name](const FilterNames& names) {
                return names.devices.at(name).has_value();
            });
        if (!found) throw Error(ENODEV, "dev " + name + " of --filter");
    }
    for (const auto& [path, id] : namespaces.front().cgroups) {
        if (!id) throw Error(ENOENT, "cgroup " + path + " of --filter");
    }
}

}  // namespace unwait
