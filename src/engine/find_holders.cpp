// SPDX-License-Identifier: MIT
#include "find_holders.hpp"

#include <charconv>
#include <vector>

#include "file.hpp"
#include "proc_mount.hpp"

namespace unwait {
namespace {

/// Whether reading every fd through /proc would take longer than loading a program.
bool has_many_files() {
    constexpr std::uint64_t many = 1'000;
    const auto text = sys::read_file("/proc/sys/fs/file-nr");
    std::uint64_t open_files = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), open_files);
    return open_files >= many;
}

}  // namespace

HolderSearch::HolderSearch() {
    if (has_many_files() && !proc::hides_processes()) {
        in_kernel_.emplace(bpf::SocketFdSearch::prepare);
    }
}

proc::HolderScan HolderSearch::find(std::span<const std::uint64_t> inodes, bool with_use) {
    if (in_kernel_ && !inodes.empty()) {
        auto search = in_kernel_->get();
        if (auto* prepared = std::get_if<bpf::SocketFdSearch>(&search)) {
            const auto known = prepared->find(inodes);
            if (const auto* fds = std::get_if<std::vector<sys::KnownFd>>(&known)) {
                return proc::describe_holders(*fds, inodes, with_use);
            }
        }
    }
    return proc::scan_holders(inodes, with_use);
}

}  // namespace unwait
