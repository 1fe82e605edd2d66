// SPDX-License-Identifier: MIT
#include "fd_calls.hpp"
#include "socket_fds.hpp"

namespace unwait::bpf {

struct SocketFdFinder::Impl {};

SocketFdFinder::~SocketFdFinder() = default;
SocketFdFinder::SocketFdFinder(SocketFdFinder&& other) noexcept = default;
SocketFdFinder& SocketFdFinder::operator=(SocketFdFinder&& other) noexcept = default;

std::variant<SocketFdFinder, Unavailable> SocketFdFinder::load() { return *obstacle(); }

std::variant<std::vector<sys::KnownFd>, Unavailable> SocketFdFinder::find(
    std::span<const std::uint64_t> /*inodes*/) {
    return *obstacle();
}

std::optional<Unavailable> obstacle() {
    return Unavailable{"this unwait was built without BPF: build it with libbpf and clang at hand"};
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
