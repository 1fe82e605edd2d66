// SPDX-License-Identifier: MIT
#include "socket_fds.hpp"

namespace unwait::bpf {

std::variant<std::vector<sys::KnownFd>, Unavailable> find_socket_fds(
    std::span<const std::uint64_t> /*inodes*/) {
    return *obstacle();
}

std::optional<Unavailable> obstacle() {
    return Unavailable{"this unwait was built without BPF: build it with libbpf and clang at hand"};
}

}  // namespace unwait::bpf
