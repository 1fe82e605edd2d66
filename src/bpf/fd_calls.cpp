// SPDX-License-Identifier: MIT
#include "fd_calls.hpp"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "calls.hpp"
#include "fd.hpp"
#include "fd_call.h"
#include "programs.h"

namespace unwait::bpf {
namespace {

/// 0 or an errno value.
int want(int map, const ProcessFd& fd) {
    const unwait_traced_fd key{fd.pid, fd.fd};
    const std::uint8_t yes = 1;
    return update_map(map, &key, &yes);
}

}  // namespace

struct FdCallCounter::Impl {
    sys::Fd program;
    sys::Fd wanted;
    sys::Fd counts;
    sys::Fd link;
};

FdCallCounter::FdCallCounter(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
FdCallCounter::~FdCallCounter() = default;
FdCallCounter::FdCallCounter(FdCallCounter&& other) noexcept = default;
FdCallCounter& FdCallCounter::operator=(FdCallCounter&& other) noexcept = default;

std::variant<FdCallCounter, Unavailable> FdCallCounter::begin(std::span<const ProcessFd> fds) {
    if (auto obstacle = known_obstacle()) return std::move(*obstacle);
    unwait_fd_calls loaded{};
    if (const int error = load_patiently([&] { return unwait_load_fd_calls(&loaded); });
        error != 0) {
        return unavailable("load of a BPF program (Linux 5.17)", error);
    }
    auto impl = std::make_unique<Impl>(
        Impl{sys::Fd(loaded.program), sys::Fd(loaded.wanted), sys::Fd(loaded.counts), sys::Fd()});
    for (const ProcessFd& fd : fds) {
        for (const ProcessFd& key : {fd, ProcessFd{fd.pid, -1}}) {
            if (const int error = want(impl->wanted.get(), key); error != 0) {
                return unavailable("write of a BPF map", error);
            }
        }
    }
    impl->link = attach_tracepoint(impl->program.get());
    if (!impl->link) return unavailable("attachment to the tracepoint sys_enter", errno);
    return FdCallCounter(std::move(impl));
}

std::vector<FdCalls> FdCallCounter::counts() const {
    const int map = impl_->counts.get();
    std::vector<FdCalls> calls;
    unwait_fd_call key{};
    for (const unwait_fd_call* before = nullptr; next_key(map, before, &key); before = &key) {
        std::uint64_t count = 0;
        if (!look_up(map, &key, &count)) continue;
        calls.push_back({{key.pid, key.fd}, key.number, key.argument, count});
    }
    std::ranges::sort(calls, {}, [](const FdCalls& each) {
        return std::tuple(each.of, each.number, each.argument);
    });
    return calls;
}

}  // namespace unwait::bpf
