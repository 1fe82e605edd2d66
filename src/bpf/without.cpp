// SPDX-License-Identifier: MIT
#include "fd_calls.hpp"
#include "socket_fds.hpp"

namespace unwait::bpf {

std::optional<Unavailable> obstacle() {
    return Unavailable{
        "this unwait was built without BPF: build it with clang, bpftool and the headers of libbpf "
        "at hand"};
}

struct SocketFdSearch::Impl {};

SocketFdSearch::~SocketFdSearch() = default;
SocketFdSearch::SocketFdSearch(SocketFdSearch&& other) noexcept = default;
SocketFdSearch& SocketFdSearch::operator=(SocketFdSearch&& other) noexcept = default;

std::variant<SocketFdSearch, Unavailable> SocketFdSearch::prepare() { return *obstacle(); }

std::variant<std::vector<sys::KnownFd>, Unavailable> SocketFdSearch::find(
    std::span<const std::uint64_t> /*inodes*/) {
    return *obstacle();
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
