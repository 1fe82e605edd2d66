// SPDX-License-Identifier: MIT
#include "fd_calls.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "fd_call.h"
#include "fd_calls_object.hpp"
#include "program.hpp"

namespace unwait::bpf {
namespace {

/// 0 or an errno value.
int want(int map, const ProcessFd& fd) {
    const unwait_traced_fd key{fd.pid, fd.fd};
    const std::uint8_t yes = 1;
    return -bpf_map_update_elem(map, &key, &yes, BPF_ANY);
}

}  // namespace

struct FdCallCounter::Impl {
    Object object;
    Link link;
};

FdCallCounter::FdCallCounter(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
FdCallCounter::~FdCallCounter() = default;
FdCallCounter::FdCallCounter(FdCallCounter&& other) noexcept = default;
FdCallCounter& FdCallCounter::operator=(FdCallCounter&& other) noexcept = default;

std::variant<FdCallCounter, Unavailable> FdCallCounter::begin(std::span<const ProcessFd> fds) {
    auto loaded = load(fd_calls_object);
    if (auto* why = std::get_if<Unavailable>(&loaded)) return std::move(*why);
    auto impl = std::make_unique<Impl>();
    impl->object = std::move(std::get<Object>(loaded));
    const int wanted = bpf_object__find_map_fd_by_name(impl->object.get(), "wanted");
    for (const ProcessFd& fd : fds) {
        for (const ProcessFd& key : {fd, ProcessFd{fd.pid, -1}}) {
            if (const int error = want(wanted, key); error != 0) {
                return unavailable("write of a BPF map", error);
            }
        }
    }
    bpf_program* program = bpf_object__find_program_by_name(impl->object.get(), "fd_calls");
    impl->link.reset(bpf_program__attach(program));
    if (!impl->link) return unavailable("attachment to the tracepoint sys_enter", errno);
    return FdCallCounter(std::move(impl));
}

std::vector<FdCalls> FdCallCounter::counts() const {
    const int map = bpf_object__find_map_fd_by_name(impl_->object.get(), "counts");
    std::vector<FdCalls> calls;
    unwait_fd_call key{};
    for (const unwait_fd_call* before = nullptr; bpf_map_get_next_key(map, before, &key) == 0;
         before = &key) {
        std::uint64_t count = 0;
        if (bpf_map_lookup_elem(map, &key, &count) != 0) continue;
        calls.push_back({{key.pid, key.fd}, key.number, key.argument, count});
    }
    std::ranges::sort(calls, {}, [](const FdCalls& each) {
        return std::tuple(each.of, each.number, each.argument);
    });
    return calls;
}

}  // namespace unwait::bpf
