// SPDX-License-Identifier: MIT
#include "machine.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "fd.hpp"
#include "file_identity.hpp"
#include "process.hpp"
#include "unwait/error.hpp"

namespace unwait {

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    // POSIX leaves open whether a name that was cut ends with a NUL.
    if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
    return name.data();
}

std::uint64_t own_netns() {
    const char* const path = "/proc/self/ns/net";
    const sys::Fd fd(::open(path, O_RDONLY | O_CLOEXEC));
    if (!fd) throw Error(errno, std::string("open of ") + path);
    return sys::inode_of(fd.get());
}

}  // namespace

Machine read_machine() { return {proc::boot_id(), host_name(), own_netns()}; }

}  // namespace unwait
