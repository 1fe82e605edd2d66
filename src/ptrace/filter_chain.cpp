// SPDX-License-Identifier: MIT
#include "filter_chain.hpp"

#include <sys/ptrace.h>

#include <cerrno>

namespace unwait::ptrace::seccomp {

namespace {

constexpr auto ptrace_seccomp_get_filter = static_cast<__ptrace_request>(0x420c);

// The kernel lets a thread have (1 << 18) / 8 instructions in all, and a filter of this size must
// fit behind those.
constexpr std::size_t most_instructions = 32'768 + BPF_MAXINSNS;
// The kernel walks the list of them for each that is read; services under systemd have about 20.
constexpr std::size_t most_filters = 256;

long get_filter(pid_t tid, std::size_t index, sock_filter* into) noexcept {
    const long size = ::ptrace(ptrace_seccomp_get_filter, tid, index, into);
    return size < 0 ? -errno : size;
}

}  // namespace

FilterChain::FilterChain() : instructions_(most_instructions) { programs_.reserve(most_filters); }

int FilterChain::read(pid_t tid) noexcept {
    programs_.clear();
    for (std::size_t used = 0;;) {
        const bool has_room = size() < most_filters && used + BPF_MAXINSNS <= most_instructions;
        sock_filter* into = has_room ? instructions_.data() + used : nullptr;
        const long length = get_filter(tid, size(), into);
        if (length == -ENOENT && size() > 0) return 0;
        if (length < 0) return static_cast<int>(-length);
        if (!has_room) return E2BIG;
        const auto program = Program::check({into, static_cast<std::size_t>(length)});
        if (!program) return EMEDIUMTYPE;
        programs_.push_back(*program);
        used += static_cast<std::size_t>(length);
    }
}

std::uint32_t FilterChain::answer(const Call& call, Evaluator& evaluator) const noexcept {
    // The newest speaks first: of equal actions its value is taken.
    std::uint32_t gravest = SECCOMP_RET_ALLOW;
    for (auto program = programs_.rbegin(); program != programs_.rend(); ++program) {
        // Of a call that is known in part each filter may take another way than those of the
        // gravest answers, so that nothing known can be relied on to go before an unknown action.
        gravest = graver(gravest, as_known(evaluator.run(*program, call)));
    }
    return gravest;
}

long filter_size(pid_t tid, std::size_t index) noexcept { return get_filter(tid, index, nullptr); }

}  // namespace unwait::ptrace::seccomp
