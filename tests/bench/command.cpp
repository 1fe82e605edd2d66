// SPDX-License-Identifier: MIT
#include "command.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>

#include "fd.hpp"

namespace unwait::bench {
namespace {

std::string content_of(int fd) {
    std::string content;
    std::array<char, 65536> block{};
    for (;;) {
        const ssize_t size =
            pread(fd, block.data(), block.size(), static_cast<off_t>(content.size()));
        if (size <= 0) return content;
        content.append(block.data(), static_cast<std::size_t>(size));
    }
}

std::string joined(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
    return line;
}

}  // namespace

Run run(const std::vector<std::string>& words, Stdout output) {
    // A file in memory takes everything at once: nobody waits for us to read.
    const sys::Fd kept(memfd_create("output", MFD_CLOEXEC));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (output == Stdout::kept) posix_spawn_file_actions_adddup2(&actions, kept.get(), 1);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);

    const auto begun = std::chrono::steady_clock::now();
    pid_t pid = -1;
    const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::system_category(), joined(words));
    int status = 0;
    rusage usage{};
    while (wait4(pid, &status, 0, &usage) == -1 && errno == EINTR) {
    }
    const std::chrono::duration<double, std::nano> wall = std::chrono::steady_clock::now() - begun;
    Run run{.wall_ns = wall.count(),
            .peak_rss = static_cast<double>(usage.ru_maxrss) * 1024,
            .exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .output = {}};
    if (output == Stdout::kept) run.output = content_of(kept.get());
    return run;
}

Run run_well(const std::vector<std::string>& words, Stdout output) {
    Run result = run(words, output);
    if (result.exit_status != 0) {
        throw std::runtime_error(joined(words) + ": exit status " +
                                 std::to_string(result.exit_status));
    }
    return result;
}

}  // namespace unwait::bench
