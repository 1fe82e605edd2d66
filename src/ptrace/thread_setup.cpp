// SPDX-License-Identifier: MIT
#include "thread_setup.hpp"

#include <sys/ptrace.h>
#include <sys/uio.h>

namespace unwait::ptrace {

namespace {

// linux/ptrace.h and linux/rseq.h, which Debian 12's headers have only in part.
constexpr auto ptrace_get_rseq_configuration = static_cast<__ptrace_request>(0x420f);
constexpr auto ptrace_get_syscall_user_dispatch = static_cast<__ptrace_request>(0x4211);

struct RseqConfiguration {
    std::uint64_t address;
    std::uint32_t size, signature, flags, padding;
};

struct RseqSection {
    std::uint32_t version, flags;
    std::uint64_t start, length, abort;
};

struct DispatchConfiguration {
    std::uint64_t mode, selector, offset, length;
};

constexpr std::uint64_t offset_of_section = 8;  // of rseq_cs in struct rseq

bool read_memory(pid_t tid, std::uint64_t address, void* into, std::size_t size) noexcept {
    const iovec local{into, size};
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
    const iovec remote{reinterpret_cast<void*>(address), size};
    return process_vm_readv(tid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

}  // namespace

std::optional<std::uintptr_t> rseq_abort_address(pid_t tid, std::uintptr_t address) noexcept {
    RseqConfiguration configuration{};
    if (::ptrace(ptrace_get_rseq_configuration, tid, sizeof configuration, &configuration) < 0 ||
        configuration.address == 0) {
        return std::nullopt;
    }
    std::uint64_t section_address = 0;
    RseqSection section{};
    if (!read_memory(tid, configuration.address + offset_of_section, &section_address,
                     sizeof section_address) ||
        section_address == 0 || !read_memory(tid, section_address, &section, sizeof section)) {
        return std::nullopt;
    }
    if (address - section.start >= section.length) return std::nullopt;
    return section.abort;
}

bool redirects_system_calls(pid_t tid) noexcept {
    DispatchConfiguration configuration{};
    return ::ptrace(ptrace_get_syscall_user_dispatch, tid, sizeof configuration, &configuration) ==
               0 &&
           configuration.mode != 0;
}

}  // namespace unwait::ptrace
