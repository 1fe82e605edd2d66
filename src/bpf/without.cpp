// SPDX-License-Identifier: MIT
#include "fd_calls.hpp"
#include "socket_fds.hpp"

namespace unwait::bpf {

std::variant<std::vector<sys::KnownFd>, Unavailable> find_socket_fds(
    std::span<const std::uint64_t> /*inodes*/) {
    return *obstacle();
}

std::optional<Unavailable> obstacle() {
    return Unavailable{
        "this unwait was built without BPF: build it with clang, bpftool and the headers of libbpf "
        "at hand"};
}

struct FdCallCounter::Impl {};

FdCallCounter::~FdCallCounter() = default;
FdCallCounter::FdCallCounter(FdCallCounter&& other) noexcept = default;
FdCallCounter& FdCallCounter::operator=(FdCallCounter&& other) noexcept = default;

std::variant<FdCallCounter, Unavailable> FdCallCounter::begin(std::span<const ProcessFd> /*fds*/) {
    return *obstacle();
}

std::vector<FdCalls> FdCallCounter::counts() const { return {}; }

}  // namespace unwait::bpf
